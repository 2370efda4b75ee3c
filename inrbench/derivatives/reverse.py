"""First derivatives of a chain, its reverse sweep written out: one product more a layer, for any number of axes.

The arithmetic is that of reverse mode twice. But written out it is an ordinary computation, which a compiler fuses like any
other and autograd differentiates in one sweep. Carrying each axis forwards would be a product a layer for every axis.
"""

import torch
from torch import Tensor

from inrbench.derivatives.feedforward import stages_of
from inrbench.derivatives.jet import DerivativeSpec, Jet
from inrbench.nn import CoordinateMLP


def reverse_jet(
    network: CoordinateMLP, x: Tensor, wanted: DerivativeSpec, others: Tensor | None = None
) -> tuple[Jet, Tensor | None]:
    """Return value and slopes at points ``x (N, d)``, and the bare values ``(M, 1)`` at ``others (M, d)``.

    The network must be one that ``is_feedforward``; second derivatives cannot be had this way.
    """
    assert not wanted.second
    stages, slopes, n = stages_of(network), [], len(x)
    values = x if others is None else torch.cat((x, others))
    for stage in stages:
        values, slope = stage.once(stage.linear(values))
        slopes.append(slope[:n])
    values = network.output(values)
    gradient = network.output.weight.expand(n, -1)
    for stage, slope in zip(reversed(stages), reversed(slopes), strict=True):
        gradient = (gradient * slope).unflatten(1, (stage.copies, -1)).sum(1) @ stage.weight
    first = tuple(gradient[:, axis : axis + 1] * wanted.scale[axis] for axis in wanted.first)
    return Jet(values[:n], first), None if others is None else values[n:]
