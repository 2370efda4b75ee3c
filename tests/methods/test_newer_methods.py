"""Grids, Kolmogorov-Arnold networks and newer activations compared with independent formulas, in value and in gradient."""

import itertools
import math

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev
from scipy.interpolate import RegularGridInterpolator
from torch import nn

from inrbench.errors import BadValue
from inrbench.nn import Points, network_size, own_training_of, parameters_of_mlp
from inrbench.nn.chebyshev import polynomials
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec

REGISTRY = Registry()


def build(name: str, in_features: int = 2, width: int = 16, n_layers: int = 3, out_features: int = 2, **params: object):
    torch.manual_seed(3)
    net = NetworkSpec(in_features=in_features, out_features=out_features, width=width, n_layers=n_layers)
    return REGISTRY.method(name)(net, **params).double()


def numbers(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def points(n: int = 30, d: int = 2) -> torch.Tensor:
    return 2 * torch.rand(n, d, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1


# activations


ACTIVATIONS = {
    "spder": ({}, lambda i, z, a: np.sin(30 * z) * np.sqrt(np.abs(30 * z))),
    "spder arctan": ({"damping": "arctan", "omega": 7.0}, lambda i, z, a: np.sin(7 * z) * np.arctan(7 * z)),
    "h-siren": ({"omega_first": 9.0}, lambda i, z, a: np.sin(30 * z) if i else np.sin(9 * np.sinh(2 * z))),
    "snake": ({"a": 4.0}, lambda i, z, a: z + np.sin(numbers(a.a) * z) ** 2 / numbers(a.a)),
}


@pytest.mark.parametrize("case", ACTIVATIONS)
def test_activations_equal_their_formula(case):
    params, activate = ACTIVATIONS[case]
    network = build(case.split()[0], **params)
    y = numbers(points())
    for i, layer in enumerate(network.hidden):
        y = activate(i, y @ numbers(layer.weight).T + numbers(layer.bias), network.activations[i])
    y = y @ numbers(network.output.weight).T + numbers(network.output.bias)
    assert numbers(network(points())) == pytest.approx(y, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ["spder", "h-siren", "snake", "gabor-real", "cheby-kan", "fourier-kan", "sl2a",
                                  "hash-grid", "low-rank-grid"])  # fmt: skip
def test_gradients_are_those_of_finite_differences(name):
    network = build(name)
    x = points(8)
    parameters = list(network.parameters())
    network(x).square().sum().backward()
    for parameter in parameters:
        row = tuple(int(i) for i in np.unravel_index(int(parameter.grad.abs().argmax()), parameter.shape))
        step = 1e-6 * max(1.0, abs(parameter[row].item()))
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter[row] += sign * step
                values.append(network(x).square().sum().item())
                parameter[row] -= sign * step
        assert parameter.grad[row].item() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-3, abs=1e-9)


def test_spder_has_a_finite_gradient_at_zero():
    activation = build("spder").activations[0]
    z = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    activation(z).sum().backward()
    assert z.grad.abs().max() < 1e-12, "and not NaN, which the derivative of the root would give"


def test_snake_is_finite_when_a_is_zero():
    activation = build("snake").activations[0]
    with torch.no_grad():
        activation.a.zero_()
    z = torch.linspace(-2, 2, 16, dtype=torch.float64)
    assert torch.equal(activation(z), z)


def test_h_siren_has_analytic_derivatives():
    activation = build("h-siren", omega_first=3.0).activations[0]
    z = torch.linspace(-1, 1, 11, dtype=torch.float64, requires_grad=True)
    value, first, second = activation.derivatives(z)
    (slope,) = torch.autograd.grad(activation(z).sum(), z, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), z)
    assert torch.allclose(value, activation(z)) and torch.allclose(first, slope) and torch.allclose(second, curvature)


def test_gabor_real_has_separate_linear_maps_for_wave_and_envelope():
    network = build("gabor-real", omega=6.0, scale=3.0)
    y = numbers(points())
    for layer in list(network)[:-1]:
        wave = y @ numbers(layer.wave.weight).T + numbers(layer.wave.bias)
        envelope = y @ numbers(layer.envelope.weight).T + numbers(layer.envelope.bias)
        y = np.cos(6 * wave) * np.exp(-((3 * envelope) ** 2))
    y = y @ numbers(network[-1].weight).T + numbers(network[-1].bias)
    assert numbers(network(points())) == pytest.approx(y, rel=1e-9, abs=1e-12)


# Kolmogorov-Arnold networks


def chebyshev_layer(x: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Return the layer's outputs with NumPy's Chebyshev series."""
    series = [[chebyshev.chebval(np.tanh(x[:, i]), c) for c in coefficients[i]] for i in range(x.shape[1])]
    return np.array(series).sum(axis=0).T


def normed(x: np.ndarray, layer: nn.LayerNorm) -> np.ndarray:
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + layer.eps) * numbers(layer.weight) + numbers(layer.bias)


@pytest.mark.parametrize("degree", [1, 2, 3, 17, 64, 256])
def test_chebyshev_polynomials_equal_numpys(degree):
    u = torch.cat([torch.linspace(-1, 1, 41, dtype=torch.float64), torch.tensor([0.999999, -0.999999])])
    assert np.allclose(polynomials(u, degree).numpy(), chebyshev.chebvander(u.numpy(), degree), atol=1e-10)
    in_single = polynomials(u.float(), degree).double()
    assert (in_single - polynomials(u.float().double(), degree)).abs().max() < 1e-7 * (degree + 1) ** 2


def test_cheby_kan_equals_numpys_chebyshev_series():
    network = build("cheby-kan", degree=5)
    y = numbers(points())
    for layer in network:
        y = normed(y, layer) if isinstance(layer, nn.LayerNorm) else chebyshev_layer(y, numbers(layer.coefficients))
    assert numbers(network(points())) == pytest.approx(y, rel=1e-7, abs=1e-10)


def test_fourier_kan_equals_its_series():
    network = build("fourier-kan", grid=3, first_scale=2.0)
    y = 2 * numbers(points())
    for layer in network.layers:
        a, b = numbers(layer.coefficients)  # (in, grid, out)
        total = numbers(layer.bias)[None].repeat(len(y), axis=0)
        for i, k in itertools.product(range(y.shape[1]), range(1, 4)):
            total = total + np.cos(k * y[:, [i]]) * a[i, k - 1] + np.sin(k * y[:, [i]]) * b[i, k - 1]
        y = total
    assert numbers(network(points())) == pytest.approx(y, rel=1e-9)


def test_fourier_kan_starts_with_unit_variance():
    layer = build("fourier-kan", in_features=1, width=200, n_layers=1).layers[0]
    assert layer(points(4000, 1)).var().item() == pytest.approx(1, rel=0.2)


def test_sl2a_equals_the_authors_formula():
    network = build("sl2a", degree=6, rank=5)
    p = normed(chebyshev_layer(numbers(points()), numbers(network.first.coefficients)), network.norm)
    y = p
    for layer in network.hidden:
        y = np.maximum((p * y) @ numbers(layer.a) @ numbers(layer.b) + numbers(layer.bias), 0)
    y = (p * y) @ numbers(network.output.weight).T + numbers(network.output.bias)
    assert numbers(network(points())) == pytest.approx(y, rel=1e-7, abs=1e-10)


def test_sl2a_with_the_authors_sizes_has_their_number_of_parameters():
    """train.py: degree 256, rank 128, first layer and three hidden layers of 256, two inputs, three outputs."""
    network = build("sl2a", width=256, n_layers=4, out_features=3, degree=256, rank=128)
    assert network_size(network).trainable == 330_243


# grids


def hashed_level(table: np.ndarray, unit: np.ndarray, scale: float, side: int) -> np.ndarray:
    """Return a level's features with Python integers of 32 bits, one point at a time."""
    primes = (1, 2654435761, 805459861)
    out = np.zeros((len(unit), table.shape[1]))
    for n, point in enumerate(unit):
        position = scale * point + 0.5
        cell = np.floor(position).astype(int)
        share = position - cell
        for offset in itertools.product((0, 1), repeat=len(point)):
            at = [int(c) + o for c, o in zip(cell, offset, strict=True)]
            if len(table) >= side ** len(point):
                index = sum(a * side**axis for axis, a in enumerate(at))
            else:
                index = 0
                for a, prime in zip(at, primes, strict=False):
                    index ^= (a * prime) & 0xFFFFFFFF
            weight = np.prod([s if o else 1 - s for s, o in zip(share, offset, strict=True)])
            out[n] += weight * table[index % len(table)]
    return out


@pytest.mark.parametrize("d", [1, 2, 3])
def test_hash_grid_equals_a_plain_implementation(d):
    network = build("hash-grid", in_features=d, width=40, levels=5, base=4, finest=40)
    encoding = network.encoding
    assert 0 < int(encoding.hashed.sum()) < 5 or d == 1, "some levels are hashed and some are not"
    with torch.no_grad():
        encoding.table.normal_()
    unit = (numbers(points(20, d)) + 1) / 2
    starts = [*encoding.offsets.tolist(), len(encoding.table)]
    growth = (40 / 4) ** (1 / 4)
    levels = []
    for level in range(5):
        scale = 4 * growth**level - 1
        table = numbers(encoding.table)[starts[level] : starts[level + 1]]
        levels.append(hashed_level(table, unit, scale, math.ceil(scale) + 1))
    y = np.concatenate(levels, axis=1)
    assert numbers(encoding(points(20, d))) == pytest.approx(y, rel=1e-4, abs=1e-4)  # scales are float32
    for i, layer in enumerate(network.linears):
        y = y @ numbers(layer.weight).T
        y = np.maximum(y, 0) if i < 2 else y
    assert numbers(network(points(20, d))) == pytest.approx(y, rel=1e-3, abs=1e-3)


def test_hash_grid_is_trained_as_its_authors_train_it():
    network = build("hash-grid")
    own = own_training_of(network, 100)
    assert (own.optimiser.betas, own.optimiser.eps) == ((0.9, 0.99), 1e-15)
    decays = {id(parameter): group.weight_decay for group in own.groups for parameter in group.parameters}
    assert decays[id(network.encoding.table)] == 0.0
    assert {decays[id(layer.weight)] for layer in network.linears} == {1e-6}
    assert REGISTRY.method("hash-grid").authors["image"]["lr"] == "1e-2"


def test_hash_grid_gives_the_same_values_when_the_coordinates_need_a_gradient():
    network, x = build("hash-grid"), points()
    with torch.no_grad():
        network.encoding.table.normal_()
    assert torch.allclose(network(x), network(x.clone().requires_grad_()))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_low_rank_grid_equals_scipys_interpolation(d):
    network = build("low-rank-grid", in_features=d, resolution=7)
    unit = (numbers(points(20, d)) + 1) / 2
    axis = np.linspace(0, 1, 7)
    product = np.ones((20, network.products[0][0].values.shape[1]))
    for i, factor in enumerate(network.products[0]):
        product *= RegularGridInterpolator((axis,), numbers(factor.values))(unit[:, [i]])
    expected = product @ numbers(network.head.weight).T + numbers(network.head.bias)
    assert numbers(network(points(20, d))) == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_low_rank_grid_of_planes_and_lines_equals_scipys_interpolation():
    network = build("low-rank-grid", in_features=3, width=40, kind="vm", resolution=5)
    unit, axis = (numbers(points(20, 3)) + 1) / 2, np.linspace(0, 1, 5)
    features = []
    for (plane, line), (axes, other) in zip(network.products, (((0, 1), 2), ((1, 2), 0), ((0, 2), 1)), strict=True):
        values = numbers(plane.values).reshape(5, 5, -1)
        on_plane = RegularGridInterpolator((axis, axis), values)(unit[:, list(axes)])
        features.append(on_plane * RegularGridInterpolator((axis,), numbers(line.values))(unit[:, [other]]))
    expected = np.concatenate(features, axis=1) @ numbers(network.head.weight).T + numbers(network.head.bias)
    assert numbers(network(points(20, 3))) == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_planes_need_three_coordinates():
    with pytest.raises(BadValue, match=r"low-rank-grid\[kind=vm\] needs three coordinates, the task has 2"):
        build("low-rank-grid", kind="vm")


@pytest.mark.parametrize("name", ["gabor-real", "cheby-kan", "fourier-kan", "sl2a", "hash-grid", "low-rank-grid"])
@pytest.mark.parametrize(("d", "width", "n_layers", "c"), [(2, 100, 4, 3), (3, 64, 3, 1), (1, 128, 4, 1), (2, 400, 4, 3)])
def test_sizes_are_those_of_an_mlp_of_the_same_shape(name, d, width, n_layers, c):
    """A method with more parameters than the others would win any table."""
    net = NetworkSpec(in_features=d, out_features=c, width=width, n_layers=n_layers)
    size = network_size(REGISTRY.method(name)(net, **({"finest": 2048} if name == "hash-grid" else {}))).trainable
    assert size <= 1.01 * parameters_of_mlp(net)
    if (name, d) not in (("sl2a", 1), ("hash-grid", 1)):
        assert size >= 0.75 * parameters_of_mlp(net)


@pytest.mark.parametrize(("width", "c"), [(64, 1), (64, 13), (256, 1)])
def test_planes_and_lines_have_no_more_parameters_than_an_mlp(width, c):
    net = NetworkSpec(in_features=3, out_features=c, width=width, n_layers=3)
    size = network_size(REGISTRY.method("low-rank-grid")(net, kind="vm")).trainable
    assert 0.5 * parameters_of_mlp(net) <= size <= parameters_of_mlp(net), "the number of components is a whole number"


# other trainings of the same network


@pytest.mark.parametrize("task_name", REGISTRY.tasks)
def test_siren_trained_has_the_network_of_siren_on_every_task(task_name):
    task = REGISTRY.task(task_name)
    for protocol in task.protocols:
        settings = [REGISTRY.method(name).params_for(task.name, task.kind, task.signals()[0], protocol)
                    for name in ("siren", "siren-trained")]  # fmt: skip
        shared = {name: value for name, value in settings[1].items() if name in settings[0]}
        assert shared == {name: settings[0][name] for name in shared}
        assert torch.equal(build("siren-trained", **settings[1])(points()), build("siren", **shared)(points()))


def test_points_are_drawn_in_proportion_to_their_error_and_weighted():
    network = build("siren-trained", sampler="soft-mining", share=1.0)
    sampler = own_training_of(network, 10).sampler
    losses = torch.tensor([1.0, 4.0, 9.0, 16.0]).repeat_interleave(5000)  # errors 1, 2, 3, 4
    drawn = sampler(Points(torch.zeros(20000, 2), 0, lambda: losses, torch.Generator().manual_seed(0)))
    shares = torch.bincount(drawn.indices // 5000, minlength=4) / 20000
    assert shares.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.01)
    assert drawn.weights.mean().item() == pytest.approx(1)
    first, last = (drawn.weights[drawn.indices // 5000 == group][0].item() for group in (0, 3))
    assert first / last == pytest.approx(4**0.6)


@pytest.mark.parametrize("changes", ["optimiser=muon", "optimiser=lbfgs", "optimiser=adam,sampler=soft-mining"])
def test_other_trainings_fit_a_picture(changes, tiny_jobs, settings):
    from inrbench.execute.worker import execute
    from inrbench.store import read_runs

    size = {"epochs": "150", "width": "24", "max_pixels": "1024", "batch": "none", "own_training": "true"}
    (job,) = tiny_jobs(methods=f"siren-trained[{changes}]", tasks="photo", signals="camera", changes=size)
    assert execute(job, settings).status == "ok"
    (row,) = read_runs(settings.results).table.to_pylist()
    assert row["error_share"] < 0.5
    assert any("training: own" in note for note in row["notes"])
