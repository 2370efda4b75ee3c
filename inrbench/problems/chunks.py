"""Splitting of a batch into chunks. The losses of its chunks add up to the loss of the batch."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from inrbench.problems.base import Batch, Problem


def largest_chunk(problem: "Problem", usual: int) -> int:
    """Return the largest number of points to compute at once, if ``usual`` network evaluations usually run at once."""
    return max(usual, problem.batch) if problem.indivisible_batch else max(1, usual // problem.evals_per_point)


def point_weight(batch: "Batch") -> Tensor:
    """Return one over the number of points of a batch, as a tensor created on its device.

    A Python number would be compiled in as a constant.
    """
    return torch.full((), 1 / len(batch[0]), device=batch[0].device, dtype=batch[0].dtype)


def equal_chunks(batch: "Batch", most: int) -> "list[Batch]":
    """Split a batch into the fewest parts of at most ``most`` points. All parts but the last have the same size.

    >>> [len(x) for (x,) in equal_chunks((torch.zeros(5000),), 2048)]
    [1667, 1667, 1666]
    """
    n = len(batch[0])
    size = -(-n // -(-n // most))
    return list(zip(*(tensor.split(size) for tensor in batch), strict=True))
