"""Multiplicative filter networks: linear layers multiplied by filters of the input, without other nonlinearities."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from inrbench.spec import NetworkSpec


class SineFilter(nn.Module):
    """sin(A x + p): ``(N, in_features) -> (N, width)``.

    Args:
        in_features: Coordinates of a point.
        width: Channels of the filter.
        scale: Factor applied to the framework's default initialisation of A. p is drawn from U(+-pi).
    """

    def __init__(self, in_features: int, width: int, scale: float) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, width)
        with torch.no_grad():
            self.linear.weight.mul_(scale)
            self.linear.bias.uniform_(-math.pi, math.pi)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to coordinates."""
        return torch.sin(self.linear(x))


class MultiplicativeNetwork(nn.Module):
    """z_1 = g_1(x), z_{i+1} = (W_i z_i + b_i) * g_{i+1}(x), y = W z_n + b: ``(N, in_features) -> (N, out_features)``.

    There are ``n_layers`` filters, and one linear layer fewer between them. Biases keep the framework's default initialisation.
    Fathony, Sahu, Willmott, Kolter 2021, eq. 3.

    Args:
        net: Shape of the network.
        filter_of: ``filter_of(i)`` returns the filter g of layer i, counted from 0: ``(N, in_features) -> (N, width)``.
        scale: The linear layers' weights are drawn from U(+-sqrt(scale / width)).
        scale_output: Whether the output layer's weights are drawn in the same way.
    """

    def __init__(
        self, net: NetworkSpec, filter_of: Callable[[int], nn.Module], scale: float, scale_output: bool = False
    ) -> None:
        super().__init__()
        self.filters = nn.ModuleList(filter_of(i) for i in range(net.n_layers))
        self.hidden = nn.ModuleList(nn.Linear(net.width, net.width) for _ in range(net.n_layers - 1))
        self.output = nn.Linear(net.width, net.out_features)
        bound = (scale / net.width) ** 0.5
        with torch.no_grad():
            for layer in (*self.hidden, *([self.output] if scale_output else [])):
                layer.get_parameter("weight").uniform_(-bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Map coordinates ``(N, in_features)`` to values ``(N, out_features)``."""
        first, *rest = self.filters
        z = first(x)
        for linear, g in zip(self.hidden, rest, strict=True):
            z = linear(z) * g(x)
        return self.output(z)
