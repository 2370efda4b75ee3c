"""Check whether a network learned anything: compare its error on the fitted data with that of the best constant."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from inrbench.problems.chunks import equal_chunks, largest_chunk, point_weight

if TYPE_CHECKING:
    from inrbench.problems.base import Problem

MAX_EVALUATED_POINTS = 1 << 18
"""Number of points after which no further batch is added to the fitting error."""
POINTS_PER_CHUNK = 1 << 14


class _Plain(nn.Module):
    """A network without the penalty that its method adds to the loss."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


class _Constant(nn.Module):
    """A network with the same values ``(C,)`` at every point."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, x: Tensor) -> Tensor:
        return self.values.expand(len(x), -1)


@torch.no_grad()
def fitting_error(network: nn.Module, problem: "Problem") -> float:
    """Return the mean loss over the points of an epoch.

    No further batch is added once MAX_EVALUATED_POINTS points are reached.
    """
    plain, total, points = _Plain(network), 0.0, 0
    for batch in problem.batches(torch.Generator().manual_seed(0)):
        n, weight = len(batch[0]), point_weight(batch)
        for chunk in equal_chunks(batch, largest_chunk(problem, POINTS_PER_CHUNK)):
            total += n * float(problem.loss(plain, chunk, weight))
        points += n
        if points >= MAX_EVALUATED_POINTS:
            break
    return total / points


def best_constant_error(problem: "Problem") -> float:
    """Return the smallest fitting error of any constant. The loss must be quadratic in the values."""
    sample = problem.example(1)[0]
    c = problem.out_features

    def error(values: Tensor) -> float:
        return fitting_error(_Constant(values.to(sample)), problem)

    # a quadratic function of c variables is determined by its values at 0, at plus and minus each unit vector,
    # and at the sums of two unit vectors
    units = torch.eye(c, dtype=torch.float64)
    at_zero = error(torch.zeros(c))
    plus, minus = [error(unit) for unit in units], [error(-unit) for unit in units]
    slope = torch.tensor([(a - b) / 2 for a, b in zip(plus, minus, strict=True)], dtype=torch.float64)
    curvature = torch.diag(torch.tensor([a + b - 2 * at_zero for a, b in zip(plus, minus, strict=True)], dtype=torch.float64))
    for i in range(c):
        for j in range(i):
            both = error(units[i] + units[j])
            curvature[i, j] = curvature[j, i] = both - plus[i] - plus[j] + at_zero
    best = -torch.linalg.lstsq(curvature, slope[:, None]).solution[:, 0]
    return error(best)
