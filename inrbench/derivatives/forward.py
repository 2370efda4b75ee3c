"""Forward mode: value, slopes and second derivatives pass through the layers together.

A linear layer maps all of them by its weights, in one call, and adds its bias to the values only. Each kind of stage says how
its activation maps them. One reverse sweep over this gives the gradient of the weights; plain autograd needs a reverse sweep
through two others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from inrbench.derivatives.jet import DerivativeSpec, Jet


@dataclass(frozen=True)
class Rows:
    """Value and derivatives of all channels between two layers.

    Before the first activation the slopes are the same at all points, ``(1, channels)`` for each axis, and the second
    derivatives are zero.

    Args:
        values: Values at the N points, and then at the M other points, ``(N + M, channels)``.
        slopes: First derivative by each axis at the N points, ``(N, channels)`` each.
        seconds: Second derivatives of each group of axes at the N points, ``(N, channels)`` each; None if all are zero.
        groups: Groups of axes of the second derivatives, as in DerivativeSpec.
        n: Number of points with derivatives, N.
    """

    values: Tensor
    slopes: dict[int, Tensor]
    seconds: list[Tensor] | None
    groups: tuple[tuple[int, ...], ...]
    n: int


class LinearMap(Protocol):
    """A linear layer whose bias can be added separately."""

    @property
    def bias(self) -> Tensor | None:
        """Bias, ``(out_channels,)``, or None."""

    def product(self, rows: Tensor) -> Tensor:
        """Map ``(N, in_channels)`` to ``(N, out_channels)``, without the bias."""


class ForwardStage(Protocol):
    """A linear layer followed by an activation."""

    @property
    def linear(self) -> LinearMap:
        """The linear layer."""

    def activate(self, rows: Rows) -> Rows:
        """Return value and derivatives behind the activation, from those behind the linear layer."""


def forward_jet(
    stages: Sequence[ForwardStage], output: LinearMap, x: Tensor, wanted: DerivativeSpec, others: Tensor | None = None
) -> tuple[Jet, Tensor | None]:
    """Return the jet at ``x`` and the plain values at ``others``, from the same matrix products.

    Args:
        stages: Layers of the network in order from the input.
        output: Last linear layer of the network.
        x: Points at which value and derivatives are computed, ``(N, d)``.
        wanted: Derivatives to compute.
        others: Points at which only the value is computed, ``(M, d)``, or None.

    Returns:
        The jet at ``x``, and the values ``(M, 1)`` at ``others``, or None.
    """
    unit = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    rows = Rows(
        values=x if others is None else torch.cat((x, others)),
        slopes={axis: wanted.scale[axis] * unit[axis : axis + 1] for axis in wanted.axes},
        seconds=None,
        groups=wanted.second,
        n=len(x),
    )
    for stage in stages:
        rows = stage.activate(_map(stage.linear, rows))
    rows = _map(output, rows)
    seconds = rows.seconds
    if seconds is None:
        seconds = [torch.zeros_like(rows.values[: rows.n])] * len(wanted.second)
    jet = Jet(rows.values[: rows.n], tuple(rows.slopes[axis] for axis in wanted.first), tuple(seconds))
    return jet, None if others is None else rows.values[rows.n :]


def _map(layer: LinearMap, rows: Rows) -> Rows:
    parts = [rows.values, *rows.slopes.values(), *(rows.seconds or [])]
    values, *derivatives = layer.product(torch.cat(parts)).split([len(part) for part in parts])
    slopes = dict(zip(rows.slopes, derivatives, strict=False))
    seconds = None if rows.seconds is None else derivatives[len(slopes) :]
    return Rows(values if layer.bias is None else values + layer.bias, slopes, seconds, rows.groups, rows.n)
