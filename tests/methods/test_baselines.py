"""The calibration rows are what they say."""

import math

import pytest
import torch

from inrbench.nn import network_size, parameters_of_mlp
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec


def build(name, d, **params):
    net = NetworkSpec(in_features=d, out_features=1, width=16, n_layers=2)
    return Registry().method(name)(net, **params), net


@pytest.mark.parametrize(("name", "low"), [("dct", -1.0), ("dct", 0.0)])
def test_a_coefficient_is_a_product_of_cosines_over_the_box(name, low):
    network, _ = build(name, 2, low=low)
    with torch.no_grad():
        network.coefficients.zero_()
        network.coefficients[3 * network.terms + 2] = 0.1  # the third along the first axis, the second along the other
    x = torch.rand(50, 2) * (1 - low) + low
    t = (x - low) / (1 - low)
    wave = torch.cos(3 * math.pi * t[:, 0]) * torch.cos(2 * math.pi * t[:, 1])
    assert torch.allclose(network(x)[:, 0], 10 * 0.1 * wave, atol=1e-5)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_a_grid_reproduces_what_is_linear_in_each_axis_and_its_own_values(d, low):
    network, _ = build("bilinear", d, low=low)
    n = network.cells + 1
    axis = torch.linspace(low, 1, n)
    corners = torch.cartesian_prod(*[axis] * d).reshape(-1, d)

    def f(x):
        return (x + 0.3).prod(dim=1, keepdim=True)

    with torch.no_grad():
        network.values.copy_(f(corners) / 10)
    x = torch.rand(80, d) * (1 - low) + low
    assert torch.allclose(network(x), f(x), atol=1e-5)
    assert torch.allclose(network(corners), f(corners), atol=1e-5)
    beyond = torch.full((1, d), 1.5)
    assert torch.allclose(network(beyond), f(torch.ones(1, d)), atol=1e-5)


@pytest.mark.parametrize("name", ["dct", "bilinear"])
@pytest.mark.parametrize("d", [2, 3])
def test_they_spend_no_more_than_the_network_and_not_much_less(name, d):
    network, net = build(name, d)
    budget = parameters_of_mlp(net)
    assert 0.5 * budget < network_size(network).trainable <= budget


def test_the_mean_is_the_mean():
    network, _ = build("mean", 2)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.5)
    y = torch.tensor([[1.0], [2.0], [6.0]])
    for _ in range(60):
        optimiser.zero_grad()
        (network(torch.rand(3, 2)) - y).square().mean().backward()
        optimiser.step()
    assert torch.allclose(network(torch.rand(5, 2)), torch.full((5, 1), 3.0), atol=1e-4)
