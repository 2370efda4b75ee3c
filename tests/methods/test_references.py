"""Each method compared with an independent reference."""

import copy
import math

import numpy as np
import pytest
import torch
from msa_inr.models import MSANet
from torch import nn

from inrbench.nn import network_size
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec

REGISTRY = Registry()


def build(name: str, shape: tuple[int, int, int, int], **params: object) -> nn.Module:
    in_features, width, n_layers, out_features = shape
    net = NetworkSpec(in_features=in_features, out_features=out_features, width=width, n_layers=n_layers)
    torch.manual_seed(3)
    return REGISTRY.method(name)(net, **params)


def linears(network: nn.Module) -> list[nn.Linear]:
    return [m for m in network.modules() if isinstance(m, nn.Linear)]


# (in, width, nonlinear layers, out) -> parameters, from the published definitions. WIRE: without the imaginary part of the
# output bias (1 and 3 reals), which the authors store and never use. relu-pe: 10 frequencies.
COUNTS = {
    (1, 256, 4, 1): {"msa": 198145, "siren": 198145, "finer": 198145, "gauss": 198145, "relu": 198145, "wire": 198378 - 1,
                     "staf": 198205, "fourier": 328961, "relu-pe": 203265},
    (2, 400, 4, 3): {"msa": 483603, "siren": 483603, "finer": 483603, "gauss": 483603, "relu": 483603, "wire": 481380 - 3,
                     "staf": 483663, "fourier": 687603, "relu-pe": 499603},
    (3, 256, 3, 1): {"msa": 132865, "siren": 132865, "wire": 132856 - 1, "staf": 132910, "fourier": 263169, "relu-pe": 148225},
}  # fmt: skip


@pytest.mark.parametrize(("shape", "name", "count"), [(s, n, c) for s, names in COUNTS.items() for n, c in names.items()])
def test_parameter_counts(shape, name, count):
    assert network_size(build(name, shape)).trainable == count


def test_msa_equals_the_authors_package_in_value_and_gradient():
    s_min, s_max = (1.2, 1.2, 1.2, 0.0), (3.6, 3.6, 3.6, 1.0)
    ours = build("msa", (2, 32, 4, 3), s_min=s_min, s_max=s_max)
    theirs = MSANet(2, 32, 4, 3, s_min=list(s_min), s_max=list(s_max))
    for a, b in zip(linears(ours), linears(theirs), strict=True):
        b.load_state_dict(a.state_dict())
    x = torch.rand(50, 2)
    assert torch.equal(ours(x), theirs(x))
    for network in (ours, theirs):
        network(x).square().sum().backward()
    for a, b in zip(linears(ours), linears(theirs), strict=True):
        assert torch.allclose(a.weight.grad, b.weight.grad, rtol=1e-5, atol=1e-6)


def test_msa_frequencies_apply_to_the_last_dimension():
    network = build("msa", (2, 5, 1, 1), s_min=0.0, s_max=4.0)
    activation = network.activations[0]
    assert torch.allclose(activation.frequencies, torch.tensor([1.0, 10, 100, 1000, 10000]))
    z = torch.rand(3, 7, 5)
    assert torch.allclose(activation(z)[1], activation(z[1]))


def test_msa_ablations():
    linear = build("msa", (2, 3, 1, 1), s_min=0.0, s_max=1.0, spacing="linear", amplitude=False).activations[0]
    assert linear.frequencies.tolist() == [1.0, 5.5, 10.0]
    z = torch.rand(4, 3)
    assert torch.equal(linear(z), torch.sin(linear.frequencies * z))
    draws = build("msa", (2, 400, 2, 1), s_min=0.0, s_max=1.0, spacing="random")
    first, second = (activation.frequencies for activation in draws.activations)
    assert not torch.equal(first, second)
    assert first.min() >= 1 and first.max() <= 10 and abs(first.mean() - 5.5) < 0.6


class ComplexWire(nn.Module):
    """WIRE in complex numbers, written from the paper's formula, on the weights of a split-real network."""

    def __init__(self, network: nn.Module, omega: float, scale: float) -> None:
        super().__init__()
        self.first, *rest = [m for m in network.layers if hasattr(m, "bias")]
        self.rest, self.omega, self.scale = rest, omega, scale

    def gabor(self, z):
        return torch.exp(1j * self.omega * z - (self.scale * z.abs()).square())

    def forward(self, x):
        y = self.gabor(torch.complex(z := self.first(x), torch.zeros_like(z)))
        for layer in self.rest:
            W = torch.complex(layer.weight_real, layer.weight_imag)
            if layer.real_output:
                return (y @ W.T).real + layer.bias
            real, imag = layer.bias.chunk(2)
            y = self.gabor(y @ W.T + torch.complex(real, imag))
        raise AssertionError("no output layer")


@pytest.mark.parametrize(("omega", "scale"), [(30.0, 10.0), (20.0, 30.0), (5.0, 2.0)])
def test_wire_equals_the_complex_formula_in_value_and_gradient(omega, scale):
    """Exact in float64; in float32 as close to that as complex64."""
    network = build("wire", (2, 40, 3, 3), omega=omega, scale=scale)
    x = torch.rand(64, 2)

    def values(complex_formula: bool, dtype: torch.dtype) -> torch.Tensor:
        ours = copy.deepcopy(network).to(dtype)
        f = ComplexWire(ours, omega, scale) if complex_formula else ours
        y = f(x.to(dtype))
        y.square().sum().backward()
        return torch.cat([y.detach().double().ravel(), *[p.grad.double().ravel() for p in ours.parameters()]])

    exact = values(True, torch.float64)
    assert (values(False, torch.float64) - exact).norm() < 1e-12 * exact.norm()
    errors = [(values(formula, torch.float32) - exact).norm() / exact.norm() for formula in (False, True)]
    assert errors[0] < 5 * errors[1]
    assert errors[1] < 1e-3


def test_wire_initial_weights_follow_a_complex_linear_layer():
    layer = next(m for m in build("wire", (2, 400, 3, 3)).layers if hasattr(m, "weight_real"))
    torch.manual_seed(0)
    theirs = torch.view_as_real(nn.Linear(282, 282, dtype=torch.cfloat).weight)
    for weight in (layer.weight_real, layer.weight_imag):
        assert weight.shape == (282, 282)
        assert abs(weight.std().item() / theirs.std().item() - 1) < 0.01
        assert weight.abs().max() <= 282**-0.5 + 1e-7


@pytest.mark.parametrize("omega", [5.0, 30.0])
def test_finer_gradient_is_the_true_derivative(omega):
    activation = build("finer", (1, 4, 1, 1), omega=omega).double().activations[0]
    z = torch.linspace(-1.5, 1.5, 301, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(activation(z).sum(), z)
    h = 1e-6
    differences = (activation(z + h) - activation(z - h)) / (2 * h)
    assert (slope - differences).abs().max() < 1e-5 * omega


def test_finer_detach_scale_treats_the_scale_as_constant():
    def slope(detach: bool) -> float:
        activation = build("finer", (1, 4, 1, 1), omega=5.0, detach_scale=detach).activations[0]
        z = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
        activation(z).backward()
        return z.grad.item()

    # sin(5 (|z| + 1) z) at z = 0.7: the argument's derivative is 5 (2 |z| + 1), or 5 (|z| + 1) with a constant scale
    assert slope(True) == pytest.approx(5 * 1.7 * math.cos(5 * 1.7 * 0.7), abs=1e-9)
    assert slope(False) == pytest.approx(5 * 2.4 * math.cos(5 * 1.7 * 0.7), abs=1e-9)
    assert (round(slope(True), 2), round(slope(False), 2)) == (8.03, 11.34)


def test_finer_first_bias():
    network = build("finer", (2, 2000, 2, 1), first_bias_scale=5.0)
    assert 4.9 < network.hidden[0].bias.abs().max() <= 5
    assert network.hidden[1].bias.abs().max() <= 2000**-0.5


def numpy_mlp(network: nn.Module, encode, activate) -> "callable":
    """Return the network's function in float64 NumPy, from its weights and an independent activation function."""

    def f(x: np.ndarray) -> np.ndarray:
        y = encode(x)
        for i, layer in enumerate(network.hidden):
            y = activate(i, y @ layer.weight.detach().double().numpy().T + layer.bias.detach().double().numpy())
        return y @ network.output.weight.detach().double().numpy().T + network.output.bias.detach().double().numpy()

    return f


def staf_activate(network):
    def activate(i, z):
        a = network.activations[i]
        omega, phi, beta = (p.detach().double().numpy() for p in (a.omega, a.phi, a.beta))
        waves = (beta * np.sin(z[..., None] * omega + phi)).sum(-1)
        return waves + z if a.skip else waves

    return activate


FORMULAS = {
    "siren": ({}, lambda x: x, lambda n: lambda i, z: np.sin(30 * z)),
    "siren first": ({"omega_first": 7.0}, lambda x: x, lambda n: lambda i, z: np.sin((7 if i == 0 else 30) * z)),
    "finer": ({}, lambda x: x, lambda n: lambda i, z: np.sin(30 * (np.abs(z) + 1) * z)),
    "gauss": ({}, lambda x: x, lambda n: lambda i, z: np.exp(-(z**2) / (2 * 0.09**2))),
    "relu": ({}, lambda x: x, lambda n: lambda i, z: np.maximum(z, 0)),
    "staf": ({"skip": True}, lambda x: x, staf_activate),
    "relu-pe": ({"n_frequencies": 3}, lambda x: np.concatenate(
        [x, *[np.sin(2.0**k * np.pi * x[:, [j]]) for j in (0, 1) for k in range(3)],
         *[np.cos(2.0**k * np.pi * x[:, [j]]) for j in (0, 1) for k in range(3)]], axis=1),
        lambda n: lambda i, z: np.maximum(z, 0)),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMULAS)
def test_forward_equals_the_formula_in_float64(case):
    params, encode, activate = FORMULAS[case]
    network = build(case.split()[0], (2, 12, 3, 2), **params)
    x = torch.rand(40, 2)
    expected = numpy_mlp(network, encode, activate(network))(x.double().numpy())
    assert np.abs(network(x).detach().numpy() - expected).max() < 2e-4


def test_fourier_features():
    network = build("fourier", (2, 12, 2, 1), sigma=3.0, n_features=5)
    x = torch.rand(7, 2)
    phase = 2 * np.pi * x.double().numpy() @ network.encoding.B.double().numpy().T
    expected = np.concatenate([np.sin(phase), np.cos(phase)], axis=1)
    assert np.abs(network.encoding(x).numpy() - expected).max() < 1e-4
    assert "encoding.B" in network.state_dict()
    many = build("fourier", (2, 4, 1, 1), sigma=3.0, n_features=4000).encoding.B
    assert abs(many.std().item() - 3) < 0.1
    squashed = build("fourier", (2, 12, 2, 1), sigmoid=True)
    assert 0 < squashed(x).min() and squashed(x).max() < 1


@pytest.mark.parametrize("name", ["siren", "finer"])
def test_siren_initialisation(name):
    first, *rest = linears(build(name, (2, 300, 3, 50)))
    assert first.weight.abs().max() <= 1 / 2
    assert first.weight.std().item() == pytest.approx((1 / 2) / 3**0.5, rel=0.1)
    for layer in rest:  # the output layer too
        assert layer.weight.abs().max() <= (6 / 300) ** 0.5 / 30
        assert layer.weight.std().item() == pytest.approx((6 / 300) ** 0.5 / 30 / 3**0.5, rel=0.05)
    assert all(layer.bias.abs().max() > 0 for layer in (first, *rest))


def test_staf_initialisation_has_the_variance_of_the_authors_code():
    sums = [build("staf", (1, 4, 1, 1), tau=4000).activations[0] for _ in range(1)]
    beta = sums[0].beta.detach()
    assert beta.square().mean().item() == pytest.approx(1 / (2 * 4000), rel=0.1)
    assert 0 <= sums[0].omega.min() and sums[0].omega.max() <= 30
    assert sums[0].phi.abs().max() <= math.pi
