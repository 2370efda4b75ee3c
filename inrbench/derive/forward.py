"""The forward way: value, slopes and second derivatives go through the layers together, in one matrix product a layer.

With z the value and d_i = dz/dx_i, s = sum_i d2z/dx_i2 of a layer's input, a linear layer maps all of them by its weights (its
bias belongs to the value alone), and an activation f gives f(z), f'(z) d_i, f'(z) s + f''(z) sum_i d_i^2. One reverse sweep
over this gives the weights' gradient, where the plain way needs a reverse sweep through two others.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from inrbench.derive.jet import Jet, Wanted
from inrbench.nn import CoordinateMLP, WaveEncoding

PROBES = 3
Derivatives = tuple[Tensor, Tensor, Tensor]


def can_go_forward(network: nn.Module) -> bool:
    """Whether the network is a chain of linear layers and elementwise activations, as far as can be seen by trying it."""
    return (
        isinstance(network, CoordinateMLP)
        and type(network).forward is CoordinateMLP.forward
        and isinstance(network.encoding, nn.Identity | WaveEncoding)
        and all(_is_elementwise(activation, network.output.in_features) for activation in network.activations)
    )


def forward_jet(network: nn.Module, x: Tensor, wanted: Wanted, others: Tensor | None = None) -> tuple[Jet, Tensor | None]:
    """Return the jet at points ``x (N, d)``, and the bare values ``(M, 1)`` at ``others (M, d)``, from the same products.

    The network must be one that ``can_go_forward``.
    """
    assert isinstance(network, CoordinateMLP)
    state = _State(x, others, wanted)
    if isinstance(network.encoding, WaveEncoding):
        state.linear(network.encoding.matrix, network.encoding.bias)
        state.activation(network.encoding.waves, network.encoding.copies)
    for layer, activation in zip(network.hidden, network.activations, strict=True):
        assert isinstance(layer, nn.Linear)
        state.linear(layer.weight, layer.bias)
        state.activation(_derivatives_of(activation))
    state.linear(network.output.weight, network.output.bias)
    return state.result()


class _State:
    """Rows in this order: the N values, the M other values, N slopes for each axis, N second derivatives for each group."""

    def __init__(self, x: Tensor, others: Tensor | None, wanted: Wanted) -> None:
        self.wanted, self.n = wanted, len(x)
        self.values = x if others is None else torch.cat((x, others))
        unit = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        self.slopes = {axis: (wanted.scale[axis] * unit[axis]).expand(self.n, -1) for axis in wanted.axes}
        self.seconds: list[Tensor] | None = None
        """None while they are all zero: before the first activation."""

    def linear(self, weight: Tensor, bias: Tensor | None) -> None:
        rows = [self.values, *self.slopes.values(), *(self.seconds or [])]
        mapped = functional.linear(torch.cat(rows), weight).split([len(part) for part in rows])
        self.values = mapped[0] if bias is None else mapped[0] + bias
        self.slopes = dict(zip(self.slopes, mapped[1:], strict=False))
        if self.seconds is not None:
            self.seconds = list(mapped[1 + len(self.slopes) :])

    def activation(self, derivatives: Callable[[Tensor], Derivatives], copies: int = 1) -> None:
        """``copies``: how many times as many outputs as inputs there are; each input serves that many."""
        values, first, second = derivatives(self.values)
        first, second = first[: self.n], second[: self.n]
        slopes = {axis: slope.repeat(1, copies) for axis, slope in self.slopes.items()} if copies > 1 else self.slopes
        seconds = []
        for number, group in enumerate(self.wanted.second):
            bent = second * torch.stack([slopes[axis].square() for axis in group]).sum(0)
            seconds.append(bent if self.seconds is None else first * self.seconds[number].repeat(1, copies) + bent)
        self.values, self.seconds = values, seconds
        self.slopes = {axis: first * slope for axis, slope in slopes.items()}

    def result(self) -> tuple[Jet, Tensor | None]:
        zeros = torch.zeros_like(self.values[: self.n])
        seconds = tuple(self.seconds) if self.seconds is not None else (zeros,) * len(self.wanted.second)
        jet = Jet(self.values[: self.n], tuple(self.slopes[axis] for axis in self.wanted.first), seconds)
        return jet, self.values[self.n :] if len(self.values) > self.n else None


def _derivatives_of(activation: nn.Module) -> Callable[[Tensor], Derivatives]:
    """Return a function from z to f(z), f'(z), f''(z): the activation's own where it offers one, else found generically."""
    own = getattr(activation, "derivatives", None)
    if callable(own):
        return own
    if isinstance(activation, nn.Tanh):
        return _tanh

    def once(z: Tensor) -> Tensor:
        return torch.func.grad(lambda v: activation(v).sum())(z)

    def generic(z: Tensor) -> Derivatives:
        return activation(z), once(z), torch.func.grad(lambda v: once(v).sum())(z)

    return generic


def _tanh(z: Tensor) -> Derivatives:
    value = torch.tanh(z)
    first = 1 - value.square()
    return value, first, -2 * value * first


def _is_elementwise(activation: nn.Module, width: int) -> bool:
    """Whether changing one channel of a few random rows changes that channel of those rows alone."""
    parameter = next(activation.parameters(), None)
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(PROBES, width, generator=generator)
    if parameter is not None:
        z = z.to(parameter)
    buffer = next((b for b in activation.buffers() if b.is_floating_point()), None)
    if parameter is None and buffer is not None:
        z = z.to(buffer)
    with torch.no_grad():
        try:
            before = activation(z)
            for row in range(PROBES):
                column = row * (width - 1) // max(PROBES - 1, 1)
                moved = z.clone()
                moved[row, column] += 0.5
                same = activation(moved) == before
                same[row, column] = True
                if before.shape != z.shape or not bool(same.all()):
                    return False
        except RuntimeError:
            return False
    return True
