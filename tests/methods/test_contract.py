"""Requirements on every registered method; new methods are covered automatically."""

import inspect
import re

import pytest
import torch

from inrbench.nn import LinearModel, Solver, network_size
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec

METHODS = sorted(Registry().methods)
SHAPES = [(1, 1), (2, 3), (3, 1)]


def build(name: str, in_features: int = 2, out_features: int = 3, seed: int = 0, **params: object) -> torch.nn.Module:
    net = NetworkSpec(in_features=in_features, out_features=out_features, width=24, n_layers=4)
    torch.manual_seed(seed)
    return Registry().method(name)(net, **params)


NETWORKS = [name for name in METHODS if not isinstance(build(name), Solver)]
"""A method that fits itself cannot be evaluated before it is fitted; it has separate tests."""
TRAINED = [name for name in NETWORKS if not isinstance(build(name), LinearModel)]
"""Networks with random initial weights; a model that is solved starts from zeros."""


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("in_features", "out_features"), SHAPES)
def test_networks_map_coordinates_to_finite_values(name, in_features, out_features):
    y = build(name, in_features, out_features)(torch.rand(17, in_features))
    assert y.shape == (17, out_features)
    assert y.dtype == torch.float32
    assert y.isfinite().all()


@pytest.mark.parametrize("name", TRAINED)
def test_every_parameter_gets_a_finite_gradient(name):
    network = build(name)
    network(torch.rand(64, 2)).square().sum().backward()
    gradients = [p.grad for p in network.parameters() if p.requires_grad]
    assert all(g is not None and g.isfinite().all() for g in gradients)
    assert sum(g.abs().sum() for g in gradients) > 0


@pytest.mark.parametrize("name", TRAINED)
def test_equal_seeds_give_equal_networks_and_different_seeds_do_not(name):
    x = torch.rand(9, 2)
    assert torch.equal(build(name, seed=5)(x), build(name, seed=5)(x))
    assert not torch.equal(build(name, seed=5)(x), build(name, seed=6)(x))


@pytest.mark.parametrize("name", NETWORKS)
def test_values_do_not_depend_on_the_other_points_of_a_batch(name):
    network, x = build(name), torch.rand(32, 2)
    whole, parts = network(x), torch.cat([network(part) for part in x.split(5)])
    assert torch.allclose(whole, parts, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_network_size_counts_real_numbers(name):
    network = build(name)
    size = network_size(network)
    assert size.trainable == sum(p.numel() * (2 if p.is_complex() else 1) for p in network.parameters() if p.requires_grad)
    assert size.stored >= size.trainable
    assert size.bytes == 4 * size.stored


@pytest.mark.parametrize("name", NETWORKS)
def test_the_state_dict_restores_a_network(name):
    network, other, x = build(name, seed=1), build(name, seed=2), torch.rand(9, 2)
    other.load_state_dict(network.state_dict())
    assert torch.equal(network(x), other(x))


@pytest.mark.parametrize("name", METHODS)
def test_methods_build_for_every_signal_of_every_task(name, registry):
    method = registry.method(name)
    for task in map(registry.task, registry.tasks):
        for signal in task.signals():
            for protocol in task.protocols.values():
                size = task.size(signal, protocol)
                net = NetworkSpec(in_features=size.in_features, out_features=size.out_features, width=8,
                                  n_layers=protocol.n_layers)  # fmt: skip
                method(net, **method.params_for(task.name, task.kind, signal, protocol.name))


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_documented(name, registry):
    method = registry.method(name)
    assert method.formula
    assert re.search(r"\by(_i)? = ", method.doc)
    assert name in {"relu", "mean", "dct", "bilinear"} or method.paper
    hints = inspect.get_annotations(method.builder)
    assert all(parameter in hints for parameter in method.defaults()), "every parameter has an annotated type"
