"""First derivatives of a chain by an explicit reverse sweep: one more product per layer, for any number of axes.

The arithmetic is that of reverse mode twice. In explicit form it is an ordinary computation, which a compiler fuses like any
other and autograd differentiates in one sweep. Forward mode would take one product per layer for every axis.
"""

import torch
from torch import Tensor

from inrbench.derivatives.feedforward import stages_of
from inrbench.derivatives.jet import DerivativeSpec, Jet
from inrbench.nn import CoordinateMLP


def reverse_jet(
    network: CoordinateMLP, x: Tensor, wanted: DerivativeSpec, others: Tensor | None = None
) -> tuple[Jet, Tensor | None]:
    """Return the value and first derivatives at ``x``, and the plain values at ``others``.

    Args:
        network: Network ``(N, d) -> (N, 1)`` for which ``is_feedforward`` is true.
        x: Points at which value and derivatives are computed, ``(N, d)``.
        wanted: Derivatives to compute; first derivatives only.
        others: Points at which only the value is computed, ``(M, d)``, or None.

    Returns:
        The jet at ``x``, and the values ``(M, 1)`` at ``others``, or None.
    """
    assert not wanted.second
    (stages, output), slopes, n = stages_of(network), [], len(x)
    values = x if others is None else torch.cat((x, others))
    for stage in stages:
        values, slope = stage.once(stage.linear(values))
        slopes.append(slope[:n])
    values = output(values)
    gradient = output.weight.expand(n, -1)
    for stage, slope in zip(reversed(stages), reversed(slopes), strict=True):
        gradient = (gradient * slope).unflatten(1, (stage.copies, -1)).sum(1) @ stage.linear.weight
    first = tuple(gradient[:, axis : axis + 1] * wanted.scale[axis] for axis in wanted.first)
    return Jet(values[:n], first), None if others is None else values[n:]
