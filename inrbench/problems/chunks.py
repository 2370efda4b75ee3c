"""How a batch is cut up: the sum of the losses over its chunks is the loss of the batch."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from inrbench.problems.base import Batch, Problem


def largest_chunk(problem: "Problem", usual: int) -> int:
    """Return how many points are computed at once, where ``usual`` evaluations of the network are."""
    return max(usual, problem.batch) if problem.in_one_piece else max(1, usual // problem.evals_per_point)


def point_weight(batch: "Batch") -> Tensor:
    """Return one over the number of points of a batch, as a tensor (a number would be compiled in) made on the device."""
    return torch.full((), 1 / len(batch[0]), device=batch[0].device, dtype=batch[0].dtype)


def equal_chunks(batch: "Batch", most: int) -> "list[Batch]":
    """Cut a batch into as few parts of at most ``most`` points as will do, all of one size but for the last.

    >>> [len(x) for (x,) in equal_chunks((torch.zeros(5000),), 2048)]
    [1667, 1667, 1666]
    """
    n = len(batch[0])
    size = -(-n // -(-n // most))
    return list(zip(*(tensor.split(size) for tensor in batch), strict=True))
