"""Forward mode: value, slopes and second derivatives pass through the layers together, in one matrix product per layer.

Let z be the value, d_i = dz/dx_i the slopes and s = sum_i d2z/dx_i2 at a layer's input. A linear layer maps all of them by its
weights, and adds its bias to the value only. An activation f gives f(z), f'(z) d_i and f'(z) s + f''(z) sum_i d_i^2. One
reverse sweep over this gives the gradient of the weights; plain autograd needs a reverse sweep through two others.
"""

import torch
from torch import Tensor
from torch.nn import functional

from inrbench.derivatives.feedforward import Stage, stages_of
from inrbench.derivatives.jet import DerivativeSpec, Jet
from inrbench.nn import CoordinateMLP


def forward_jet(
    network: CoordinateMLP, x: Tensor, wanted: DerivativeSpec, others: Tensor | None = None
) -> tuple[Jet, Tensor | None]:
    """Return the jet at ``x`` and the plain values at ``others``, from the same matrix products.

    Args:
        network: Network ``(N, d) -> (N, 1)`` for which ``is_feedforward`` is true.
        x: Points at which value and derivatives are computed, ``(N, d)``.
        wanted: Derivatives to compute.
        others: Points at which only the value is computed, ``(M, d)``, or None.

    Returns:
        The jet at ``x``, and the values ``(M, 1)`` at ``others``, or None.
    """
    state = _State(x, others, wanted)
    for stage in stages_of(network):
        state.linear(stage.weight, stage.bias)
        state.activation(stage)
    state.linear(network.output.weight, network.output.bias)
    return state.result()


class _State:
    """Rows in this order: the N values, the M other values, N slopes per axis, N second derivatives per group.

    Before the first activation the slopes are the same at all points: one row per axis.
    """

    def __init__(self, x: Tensor, others: Tensor | None, wanted: DerivativeSpec) -> None:
        self.wanted, self.n = wanted, len(x)
        self.values = x if others is None else torch.cat((x, others))
        unit = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        self.slopes = {axis: wanted.scale[axis] * unit[axis : axis + 1] for axis in wanted.axes}
        self.seconds: list[Tensor] | None = None
        """None before the first activation, where they are all zero."""

    def linear(self, weight: Tensor, bias: Tensor | None) -> None:
        rows = [self.values, *self.slopes.values(), *(self.seconds or [])]
        mapped = functional.linear(torch.cat(rows), weight).split([len(part) for part in rows])
        self.values = mapped[0] if bias is None else mapped[0] + bias
        self.slopes = dict(zip(self.slopes, mapped[1:], strict=False))
        if self.seconds is not None:
            self.seconds = list(mapped[1 + len(self.slopes) :])

    def activation(self, stage: Stage) -> None:
        values, first, second = stage.twice(self.values)
        first, second, copies = first[: self.n], second[: self.n], stage.copies
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
