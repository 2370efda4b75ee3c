"""Derivatives of every registered network: analytic against backward mode, and against finite differences."""

import pytest
import torch
from torch import nn

from inrbench import CoordinateMLP, NetworkSpec
from inrbench.derivatives import DerivativeSpec, analytic_jet, backward_jet, has_analytic_jet
from inrbench.nn import FourierFeatures, SineFeatures
from inrbench.registry import Registry

REGISTRY = Registry()
OTHERS = {"wire2d", "relu-pe", "gp-hm-stm", "fr", "mfn-fourier", "mfn-gabor", "bacon", "fourier-kan", "gabor-real"}
"""They use backward mode: wire2d multiplies two complex layers, relu-pe's encoding is not a plain wave, fr's linear layers
are products, and multiplicative networks multiply layers by functions of the input."""
ANALYTIC = sorted({n for n in REGISTRY.methods if REGISTRY.method(n).supports("pde")} - OTHERS)
WANTED = DerivativeSpec(scale=(2.0, 0.5), first=(1, 0), second=((0, 1), (1,)))
SLOPES = DerivativeSpec(scale=(2.0, 0.5), first=(1, 0))


def network(name: str, **params: object) -> nn.Module:
    torch.manual_seed(0)
    net = NetworkSpec(in_features=2, out_features=1, width=24, n_layers=3)
    return REGISTRY.method(name)(net, **params).double()


def points(n: int = 40) -> torch.Tensor:
    return 2 * torch.rand(n, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1


def gradient(net: nn.Module, jet) -> torch.Tensor:
    net.zero_grad()
    total = sum(
        (part * torch.linspace(1, 2, len(part), dtype=part.dtype)[:, None]).sum()
        for part in (jet.value, *jet.first, *jet.second)
    )
    total.backward()
    return torch.cat([p.grad.ravel() for p in net.parameters() if p.grad is not None])


@pytest.mark.parametrize("wanted", [WANTED, SLOPES])
@pytest.mark.parametrize("name", ANALYTIC)
def test_analytic_jet_equals_backward_jet_in_values_and_gradients(name, wanted):
    net, x = network(name), points()
    assert has_analytic_jet(net)
    backward = backward_jet(net, x, wanted)
    written, others = analytic_jet(net, x, wanted, others=x[:7] / 2)
    for a, b in zip(
        (backward.value, *backward.first, *backward.second), (written.value, *written.first, *written.second), strict=True
    ):
        assert a.shape == b.shape == (40, 1)
        assert (a - b).abs().max() <= 1e-10 * a.abs().max().clamp(min=1)
    assert (others - net(x[:7] / 2)).abs().max() < 1e-12
    a, b = gradient(net, backward), gradient(net, written)
    assert (a - b).norm() <= 1e-10 * a.norm()


@pytest.mark.parametrize("name", sorted(OTHERS - {"gp-hm-stm"}))
def test_methods_without_an_analytic_jet_are_recognised(name):
    assert not has_analytic_jet(network(name))


@pytest.mark.parametrize("name", ["siren", "finer", "msa", "gauss", "staf", "wire"])
def test_derivatives_agree_with_finite_differences(name):
    params = {"omega": 3.0} if name in ("siren", "finer", "staf") else {"s_min": 0.0, "s_max": 0.7} if name == "msa" else {}
    params = {"omega": 2.0, "scale": 0.5} if name == "wire" else {"a": 0.5} if name == "gauss" else params
    net, x, h = network(name, **params), points(8) * 0.7, 1e-4
    jet = backward_jet(net, x, DerivativeSpec(scale=(1.0, 1.0), first=(0, 1), second=((0,), (1,))))
    for axis in (0, 1):
        step = torch.zeros(2, dtype=torch.float64)
        step[axis] = h
        up, down = net(x + step).detach(), net(x - step).detach()
        assert torch.allclose(jet.first[axis], (up - down) / (2 * h), rtol=1e-4, atol=1e-5)
        assert torch.allclose(jet.second[axis], (up - 2 * jet.value.detach() + down) / h**2, rtol=1e-3, atol=1e-4)


class Mixing(nn.Module):
    def forward(self, z):
        return torch.softmax(z, dim=1)


class Own(nn.Module):
    """A cube that offers its derivatives."""

    calls = 0

    def forward(self, z):
        return z**3

    def derivatives(self, z):
        Own.calls += 1
        return z**3, 3 * z**2, 6 * z


NET = NetworkSpec(in_features=2, out_features=1, width=6, n_layers=2)


def test_networks_that_mix_channels_have_no_analytic_jet():
    assert not has_analytic_jet(CoordinateMLP(NET, lambda i: Mixing()))
    assert not has_analytic_jet(nn.Linear(2, 1))
    assert not has_analytic_jet(CoordinateMLP(NET, lambda i: nn.BatchNorm1d(6)))
    assert has_analytic_jet(CoordinateMLP(NET, lambda i: nn.Softplus()))


def changed_wire(forward) -> nn.Module:
    net = network("wire")
    net.__class__ = type("Changed", (type(net),), {"forward": forward})
    return net


def with_parameter(net: nn.Module, value: float) -> nn.Module:
    net.extra = nn.Parameter(torch.tensor(value, dtype=torch.float64))
    return net


def hooked(net: nn.Module, layer: nn.Module) -> nn.Module:
    layer.register_forward_hook(lambda module, x, y: 2 * y)
    return net


def weight_normed(net: nn.Module, layer: nn.Module) -> nn.Module:
    with pytest.warns(FutureWarning):
        nn.utils.weight_norm(layer)
    return net


@pytest.mark.parametrize(
    "net",
    [
        pytest.param(lambda: changed_wire(lambda self, x: self.layers(x) + x[:, :1]), id="skip"),
        pytest.param(lambda: changed_wire(lambda self, x: self.layers(x.abs())), id="abs"),
        pytest.param(lambda: changed_wire(lambda self, x: self.layers(x.clamp(-1, 1))), id="clamp"),
        pytest.param(lambda: with_parameter(changed_wire(lambda self, x: self.layers(x) * self.extra), 1.0), id="gate"),
        pytest.param(lambda: hooked(net := network("wire"), net.layers[2]), id="hook"),
        pytest.param(lambda: weight_normed(net := network("wire"), net.layers[0]), id="weight norm"),
        pytest.param(lambda: hooked(net := network("siren"), net.hidden[1]), id="hook of a feedforward chain"),
        pytest.param(lambda: weight_normed(net := network("siren"), net.hidden[1]), id="weight norm of a feedforward chain"),
    ],
)
def test_networks_that_compute_more_than_their_layers_have_no_analytic_jet(net):
    assert has_analytic_jet(network("wire")) and has_analytic_jet(network("siren"))
    assert not has_analytic_jet(net())


def test_wavelets_in_another_order_have_no_analytic_jet():
    net = network("wire")
    net.layers.insert(2, nn.Identity())
    assert not has_analytic_jet(net)


@pytest.mark.parametrize("wanted", [WANTED, SLOPES, DerivativeSpec(scale=(2.0, 0.5))])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_shallow_chains_of_wavelets_have_the_jet_of_backward_mode(n_layers, wanted):
    torch.manual_seed(0)
    net = REGISTRY.method("wire")(NetworkSpec(in_features=2, out_features=1, width=24, n_layers=n_layers)).double()
    assert has_analytic_jet(net)
    a, (b, _) = backward_jet(net, points(), wanted), analytic_jet(net, points(), wanted)
    for p, q in zip((a.value, *a.first, *a.second), (b.value, *b.first, *b.second), strict=True):
        assert (p - q).abs().max() <= 1e-10 * p.abs().max().clamp(min=1)


@pytest.mark.parametrize("wanted", [WANTED, SLOPES])
@pytest.mark.parametrize("encoding", [FourierFeatures, SineFeatures])
def test_analytic_jet_equals_backward_jet_through_encodings(encoding, wanted):
    torch.manual_seed(0)
    net = CoordinateMLP(NET, lambda i: nn.Tanh(), encoding=encoding(2, 5, 0.7)).double()
    assert has_analytic_jet(net)
    a, (b, _) = backward_jet(net, points(), wanted), analytic_jet(net, points(), wanted)
    assert all((p - q).abs().max() < 1e-10 for p, q in zip(a.first + a.second, b.first + b.second, strict=True))
    assert (net(points()) - b.value).abs().max() < 1e-12


def test_an_activations_own_derivatives_are_used():
    torch.manual_seed(0)
    net = CoordinateMLP(NET, lambda i: Own()).double()
    a, (b, others) = backward_jet(net, points(), WANTED), analytic_jet(net, points(), WANTED)
    assert others is None and Own.calls == 2
    assert all((p - q).abs().max() < 1e-10 for p, q in zip(a.first + a.second, b.first + b.second, strict=True))


def test_derivatives_are_multiplied_by_the_scale():
    net = network("siren")
    near, far = (backward_jet(net, points(), DerivativeSpec(scale=(s, 1.0), first=(0,), second=((0,),))) for s in (1.0, 4.0))
    assert torch.allclose(far.first[0], 4 * near.first[0])
    assert torch.allclose(far.second[0], 16 * near.second[0])


def test_a_linear_network_has_zero_second_derivatives():
    net = CoordinateMLP(NET, lambda i: nn.Identity()).double()
    jet, _ = analytic_jet(net, points(), WANTED)
    assert all(part.abs().max() == 0 for part in jet.second)
    assert all(part.abs().max() == 0 for part in backward_jet(net, points(), WANTED).second)
