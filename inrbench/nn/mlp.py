"""The coordinate MLP: linear layers with one activation each, and a linear output layer."""

from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn

from inrbench.nn.encoding import Encoding
from inrbench.nn.init import Initialiser
from inrbench.spec import NetworkSpec


class CoordinateMLP(nn.Module):
    """An MLP ``(N, in_features) -> (N, out_features)`` with ``n_layers`` nonlinear layers of ``width`` channels.

    Args:
        net: Shape of the network.
        activation: ``activation(i)`` returns the activation of layer i, counted from 0 at the input:
            ``(N, width) -> (N, width)``.
        init: Initialiser, which receives the linear layers from input to output. None keeps the framework's default, W and b
            both U(+-1/sqrt(fan_in)).
        encoding: Encoding before the first layer, with the attribute ``out_features``; None for no encoding.
    """

    def __init__(
        self,
        net: NetworkSpec,
        activation: Callable[[int], nn.Module],
        init: Initialiser | None = None,
        encoding: Encoding | None = None,
    ) -> None:
        super().__init__()
        self.encoding = nn.Identity() if encoding is None else encoding
        first = net.in_features if encoding is None else encoding.out_features
        sizes = [first, *[net.width] * net.n_layers]
        self.hidden = nn.ModuleList(nn.Linear(m, n) for m, n in pairwise(sizes))
        self.activations = nn.ModuleList(activation(i) for i in range(net.n_layers))
        self.output = nn.Linear(net.width, net.out_features)
        if init is not None:
            init([*self.hidden, self.output])

    def forward(self, x: Tensor) -> Tensor:
        """Map coordinates ``(N, in_features)`` to values ``(N, out_features)``."""
        y = self.encoding(x)
        for linear, activation in zip(self.hidden, self.activations, strict=True):
            y = activation(linear(y))
        return self.output(y)


def values_per_axis(net: NetworkSpec) -> int:
    """Return the largest number of values per axis at which a grid has no more parameters than a CoordinateMLP.

    >>> values_per_axis(NetworkSpec(in_features=2, out_features=3, width=64, n_layers=4))  # 65 x 65 x 3 of 12,867
    65
    """
    return int((parameters_of_mlp(net) / net.out_features) ** (1 / net.in_features) + 1e-9)


def parameters_of_mlp(net: NetworkSpec) -> int:
    """Return the number of parameters of a CoordinateMLP of a given shape.

    >>> parameters_of_mlp(NetworkSpec(in_features=2, out_features=3, width=64, n_layers=4))
    12867
    """
    sizes = [net.in_features, *[net.width] * net.n_layers, net.out_features]
    return sum((m + 1) * n for m, n in pairwise(sizes))


def largest_width(count: Callable[[int], int], budget: int) -> int:
    """Return the largest width at which a network has no more than ``budget`` parameters; at least 1.

    Args:
        count: Function from the width to the number of parameters. It increases with the width.
        budget: Largest number of parameters.

    >>> largest_width(lambda width: 3 * width**2, 100)
    5
    """
    width = 1
    while count(width + 1) <= budget:
        width += 1
    return width
