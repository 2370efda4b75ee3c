"""Requirements on every built-in method, in addition to the checks of ``inrbench check-plugin``."""

import inspect
import re

import pytest
import torch

from inrbench.nn import Solver, network_size
from inrbench.registry import Registry
from inrbench.report.site.typeset import typeset
from inrbench.spec import NetworkSpec

METHODS = sorted(Registry().methods)


def build(name: str, in_features: int = 2, out_features: int = 3, seed: int = 0, **params: object) -> torch.nn.Module:
    net = NetworkSpec(in_features=in_features, out_features=out_features, width=24, n_layers=4)
    torch.manual_seed(seed)
    return Registry().method(name)(net, **params)


NETWORKS = [name for name in METHODS if not isinstance(build(name), Solver)]
"""A method that fits itself cannot be evaluated before it is fitted; it has separate tests."""


@pytest.mark.parametrize("name", NETWORKS)
def test_network_size_counts_real_numbers(name):
    network = build(name)
    size = network_size(network)
    assert size.trainable == sum(p.numel() * (2 if p.is_complex() else 1) for p in network.parameters() if p.requires_grad)
    assert size.stored >= size.trainable
    assert size.bytes == 4 * size.stored


@pytest.fixture(scope="module")
def cases():
    """(task, signal, protocol, network) for every signal of every task; some sizes are read from files, so once for all methods."""
    registry = Registry()
    found = []
    for task in map(registry.task, registry.tasks):
        for signal in task.signals():
            for protocol in task.protocols.values():
                size = task.size(signal, protocol)
                net = NetworkSpec(in_features=size.in_features, out_features=size.out_features, width=8,
                                  n_layers=protocol.n_layers)  # fmt: skip
                found.append((task, signal, protocol.name, net))
    return found


@pytest.mark.parametrize("name", METHODS)
def test_methods_build_for_every_signal_of_every_task(name, registry, cases):
    method = registry.method(name)
    for task, signal, protocol, net in cases:
        method(net, **method.params_for(task.name, task.kind, signal, protocol))


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_documented(name, registry):
    method = registry.method(name)
    assert method.formula
    formula = typeset(method.latex)
    assert name == "bilinear" or (formula and "\\" not in re.sub("<[^>]*>", "", formula))
    assert re.search(r"\by(_i)? = ", method.doc)
    assert name == "relu" or method.closed_form or method.paper
    hints = inspect.get_annotations(method.builder)
    assert all(parameter in hints for parameter in method.defaults()), "every parameter has an annotated type"
    assert method.descriptions().keys() == method.defaults().keys(), "every parameter is explained in the docstring"
    assert all(text.endswith(".") for text in method.descriptions().values())
