"""Methods added later, each compared with an independent implementation of its published formula."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from inrbench.nn import network_size
from inrbench.problems import Regression
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec

REGISTRY = Registry()


def build(name: str, shape: tuple[int, int, int, int], **params: object) -> nn.Module:
    in_features, width, n_layers, out_features = shape
    net = NetworkSpec(in_features=in_features, out_features=out_features, width=width, n_layers=n_layers)
    torch.manual_seed(3)
    return REGISTRY.method(name)(net, **params)


# (in, width, nonlinear layers, out) -> parameters, from the published definitions. wire2d: without the imaginary part of the
# output bias, which the authors store and never use.
COUNTS = {
    (1, 256, 4, 1): {"hosc": 198145, "sinc": 198145, "wire2d": 198914 - 1, "rowdy": 198177, "mfn-fourier": 199681,
                     "mfn-gabor": 201729, "finer-plus-plus": 198145, "incode-lite": 198145 + 4},
    (2, 400, 4, 3): {"wire2d": 484806 - 3, "rowdy": 483635, "mfn-fourier": 487203, "mfn-gabor": 492003},
    (3, 256, 3, 1): {"wire2d": 133378 - 1, "mfn-fourier": 134913, "mfn-gabor": 137985},
    (2, 256, 4, 3): {"fr": 3148035, "wire2d": 199686 - 3},
}  # fmt: skip


@pytest.mark.parametrize(("shape", "name", "count"), [(s, n, c) for s, names in COUNTS.items() for n, c in names.items()])
def test_parameter_counts(shape, name, count):
    assert network_size(build(name, shape)).trainable == count


def mlp(network: nn.Module, x: np.ndarray, activate) -> np.ndarray:
    """Return an MLP's values in float64 NumPy, from its weights and an independent activation function."""
    y = x
    for i, layer in enumerate(network.hidden):
        y = activate(i, y @ numpy(layer.weight).T + numpy(layer.bias))
    return y @ numpy(network.output.weight).T + numpy(network.output.bias)


def numpy(value: torch.Tensor) -> np.ndarray:
    return value.detach().double().numpy()


FORMULAS = {
    "hosc": ({"beta": 8.0, "omega": 5.0}, lambda z: np.tanh(8 * np.sin(5 * z))),
    "sinc": ({"omega": 7.0}, lambda z: np.where(z == 0, 1, np.sin(7 * z) / (7 * z))),
    "rowdy": ({}, np.tanh),
    "finer-plus-plus": ({"omega": 3.0, "scale": 4.0}, lambda z: np.exp(-((4 * np.sin(3 * (np.abs(z) + 1) * z)) ** 2))),
    "incode-lite": ({"omega": 9.0}, lambda z: math.e**0.312 * np.sin(math.e**0.312 * 9 * z + 0.312) + 0.312),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_forward_equals_the_formula_in_float64(name):
    params, f = FORMULAS[name]
    network = build(name, (2, 12, 3, 2), **params)
    x = torch.rand(40, 2)
    assert np.abs(network(x).detach().numpy() - mlp(network, x.double().numpy(), lambda i, z: f(z))).max() < 2e-4


def test_trainable_parameters_of_rowdy_and_hosc():
    z = torch.linspace(-1, 1, 9, dtype=torch.float64)
    rowdy = build("rowdy", (1, 4, 1, 1)).double().activations[0]
    rowdy.a.data, rowdy.x.data = torch.arange(1.0, 5).double(), torch.tensor([1.0, 0.5, 2.0, 1.5]).double()
    expected = torch.tanh(z)
    for k, (a, x) in enumerate(zip([1, 2, 3, 4], [1.0, 0.5, 2.0, 1.5], strict=True), start=2):
        expected = expected + a * torch.sin((k - 1) * 10 * x * z)
    assert torch.allclose(rowdy(z), expected, atol=1e-12)
    assert [name for name, _ in build("hosc", (1, 4, 1, 1), trainable=True).activations[0].named_parameters()] == ["beta"]
    assert not list(build("hosc", (1, 4, 1, 1)).activations[0].parameters())


def test_sinc_has_correct_derivatives_at_zero():
    """sin(w z) / (w z) = 1 - (w z)^2 / 6 + ...: the second derivative at 0 is -w^2 / 3."""
    activation = build("sinc", (1, 4, 1, 1), omega=6.0).activations[0]
    z = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(activation(z).sum(), z, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), z)
    assert slope.item() == 0
    assert bend.item() == pytest.approx(-12.0, abs=1e-9)
    z = torch.linspace(-0.1, 0.1, 1001, dtype=torch.float64)  # across the switch between series and quotient
    assert torch.allclose(activation(z), torch.sinc(6 * z / math.pi), atol=1e-13, rtol=0)
    single = activation(z.float())
    assert torch.allclose(single.double(), activation(z), atol=1e-6)


def complex_of(layer: nn.Module, y: torch.Tensor) -> torch.Tensor:
    """Apply a split-real layer to complex numbers, as complex arithmetic."""
    y = y @ torch.complex(layer.weight_real, layer.weight_imag).T
    if layer.real_output:
        return y.real + layer.bias
    real, imag = layer.bias.chunk(2)
    return y + torch.complex(real, imag)


def wire2d_in_complex(network: nn.Module, x: torch.Tensor, omega: float, scale: float) -> torch.Tensor:
    first, *hidden, output = network
    y = None
    for layer in (first, *hidden):
        z, v = (part(x).to(torch.complex128) if y is None else complex_of(part, y) for part in (layer.wave, layer.across))
        y = torch.exp(1j * omega * z - scale**2 * (z.abs().square() + v.abs().square()))
    return complex_of(output, y)


def wavelet_in_complex(network: nn.Module, x: torch.Tensor, omega: float, omega_w: float, scale: float) -> torch.Tensor:
    first, *layers = network
    z = first(x)
    for layer in layers[1::2]:
        if z.is_complex():
            z = torch.complex(z.real * (z.real.abs() + 1), z.imag * (z.imag.abs() + 1))
        else:
            z = (z * (z.abs() + 1)).to(torch.complex128)
        s = torch.sin(omega * z)
        z = complex_of(layer, torch.exp(1j * omega_w * s - (scale * s).abs().square()))
    return z


@pytest.mark.parametrize(("name", "params", "formula"), [
    ("wire2d", {"omega": 10.0, "scale": 3.0}, lambda n, x: wire2d_in_complex(n, x, 10.0, 3.0)),
    ("finer-plus-plus", {"backbone": "wavelet"}, lambda n, x: wavelet_in_complex(n, x, 5.0, 4.0, 2.0)),
])  # fmt: skip
def test_complex_methods_equal_the_complex_formula_in_value_and_gradient(name, params, formula):
    ours = build(name, (2, 20, 3, 3), **params).double()
    theirs, x = copy.deepcopy(ours), torch.rand(32, 2, dtype=torch.float64)
    a, b = ours(x), formula(theirs, x)
    assert torch.allclose(a, b, rtol=1e-10, atol=1e-12)
    a.square().sum().backward()
    b.square().sum().backward()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, rtol=1e-8, atol=1e-10)


def test_finer_plus_plus_initialisation():
    network = build("finer-plus-plus", (2, 400, 3, 3), backbone="wavelet")
    hidden = network[2]
    assert hidden.weight_real.shape == (282, 282)
    bound = (6 / 282) ** 0.5 / (5 * 4)
    assert bound * 0.99 < hidden.weight_real.abs().max() <= bound
    assert network[0].weight.abs().max() <= 0.5
    biased = build("finer-plus-plus", (2, 2000, 2, 1), first_bias_scale=5.0)
    assert 4.9 < biased.hidden[0].bias.abs().max() <= 5


@pytest.mark.parametrize("name", ["mfn-fourier", "mfn-gabor", "bacon"])
def test_multiplicative_networks_equal_the_formula_in_float64(name):
    network = build(name, (2, 12, 3, 2)).double()
    x = np.random.default_rng(0).uniform(-1, 1, (30, 2))

    def g(i: int) -> np.ndarray:
        f = network.filters[i]
        if name == "bacon":
            return np.sin(x @ numpy(f.A).T + numpy(f.p))
        linear = f.linear if name == "mfn-fourier" else f.wave.linear
        wave = np.sin(x @ numpy(linear.weight).T + numpy(linear.bias))
        if name == "mfn-fourier":
            return wave
        return wave * np.exp(-numpy(f.gamma) / 2 * np.square(x[:, None] - numpy(f.mu)).sum(-1))

    z = g(0)
    for i, layer in enumerate(network.hidden, start=1):
        z = (z @ numpy(layer.weight).T + numpy(layer.bias)) * g(i)
    expected = z @ numpy(network.output.weight).T + numpy(network.output.bias)
    assert np.abs(numpy(network(torch.from_numpy(x))) - expected).max() < 1e-9


def test_filter_initialisation_agrees_with_the_authors_code():
    fourier = build("mfn-fourier", (2, 3000, 4, 1))
    assert fourier.filters[0].linear.weight.abs().max().item() == pytest.approx(2**-0.5 * 256 / 2, rel=0.01)
    assert fourier.hidden[0].weight.abs().max() <= 3000**-0.5
    gabor = build("mfn-gabor", (2, 3000, 4, 1)).filters[0]
    assert gabor.gamma.mean().item() == pytest.approx(6 / 4, rel=0.1)
    scaled = gabor.wave.linear.weight / gabor.gamma.sqrt()[:, None]
    assert scaled.abs().max().item() == pytest.approx(2**-0.5 * 256 / 2, rel=0.01)
    bacon = build("bacon", (2, 3000, 4, 1))
    periods = bacon.filters[0].A * 2 / (2 * math.pi)  # over the box [-1, 1], which is 2 long
    assert torch.allclose(periods, periods.round(), atol=1e-5)
    assert sorted(set(periods.round().int().ravel().tolist())) == list(range(-16, 17))
    size = network_size(bacon)
    assert size.stored - size.trainable == 4 * 2 * 3000, "frozen frequencies are stored and not trained"
    assert bacon.output.weight.abs().max() <= (6 / 3000) ** 0.5


def test_fr_bases_and_its_deployed_network():
    network = build("fr", (2, 256, 4, 3))
    bases = numpy(network.hidden[1].B)
    assert bases.shape == ((128 + 128) * 16, 256)
    t = np.linspace(-128 * np.pi, 128 * np.pi, 256)
    for row, (frequency, phase) in {0: (1 / 128, 0), 16 + 3: (2 / 128, 3), 128 * 16: (1, 0), 255 * 16 + 5: (128, 5)}.items():
        assert np.abs(bases[row] - 0.01 * np.cos(frequency * t + 2 * np.pi * phase / 16)).max() < 1e-6
    coefficients = network.hidden[1].coefficients
    bound = (6 / 4096) ** 0.5 / np.linalg.norm(bases, axis=1) / 30
    assert (numpy(coefficients).max(0) <= bound * (1 + 1e-5)).all()
    size = network_size(network)
    assert (size.stored, size.deployed) == (3148035, 198915)
    plain = build("siren", (2, 256, 4, 3))
    assert network_size(plain).deployed == network_size(plain).stored == 198915
    with torch.no_grad():
        for i, layer in enumerate(network.hidden):
            weight = layer.weight if i == 0 else layer.coefficients @ layer.B
            plain.hidden[i].weight.copy_(weight)
            plain.hidden[i].bias.copy_(layer.bias)
        plain.output.load_state_dict(network.output.state_dict())
    x = torch.rand(50, 2)
    assert torch.allclose(network(x), plain(x), atol=1e-5)


def test_a_penalty_counts_once_when_a_batch_is_split():
    network = build("incode-lite", (1, 8, 2, 1))
    with torch.no_grad():
        network.activations[0].abcd.copy_(torch.tensor([-1.0, -2.0, 3.0, -4.0]))
    assert network.penalty().item() == pytest.approx(0.1993 + 2 * 0.0196 + 4 * 0.0269)
    x, y = torch.rand(10, 1), torch.rand(10, 1)
    problem, weight = Regression(x, y, None, None), torch.tensor(1 / 10)
    whole = problem.loss(network, (x, y), weight)
    parts = [problem.loss(network, part, weight) for part in zip(x.split(4), y.split(4), strict=True)]
    assert sum(parts).item() == pytest.approx(whole.item(), rel=1e-6)
    assert whole.item() == pytest.approx((network(x) - y).square().mean().item() + network.penalty().item(), rel=1e-6)
    assert network_size(network).trainable == network_size(network).stored, "parameters shared by layers are counted once"


def test_the_amplitude_of_fr_bases_depends_on_the_activation():
    sine, relu = (build("fr", (2, 16, 2, 1), activation=name).hidden[1].B.abs().max().item() for name in ("sine", "relu"))
    assert (round(sine, 6), round(relu, 6)) == (0.01, 0.05)
