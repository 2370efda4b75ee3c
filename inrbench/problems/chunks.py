"""Splitting of a batch into chunks, whose losses add up to the loss of the batch, and moving it to a GPU."""

import math
from collections.abc import Sequence
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
    if any(len(tensor) != n for tensor in batch):  # a batch that cannot be split
        return [batch]
    size = -(-n // -(-n // most))
    return list(zip(*(tensor.split(size) for tensor in batch), strict=True))


def move_together(tensors: Sequence[Tensor], device: torch.device) -> "Batch":
    """Return tensors of one data type on a device. A GPU gets them in one copy, for which the CPU does not wait.

    Args:
        tensors: Tensors on the CPU.
        device: The device.
    """
    if device.type != "cuda":
        return tuple(tensor.to(device) for tensor in tensors)
    return unpacked(packed(tensors).pin_memory().to(device, non_blocking=True), [tensor.shape for tensor in tensors])


def packed(tensors: Sequence[Tensor]) -> Tensor:
    """Return the values of all tensors in one tensor with one axis."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def unpacked(values: Tensor, shapes: Sequence[torch.Size]) -> "Batch":
    """Return the tensors that ``packed`` received, as views of its result.

    >>> [x.tolist() for x in unpacked(packed((torch.ones(1, 2), torch.zeros(1))), [torch.Size((1, 2)), torch.Size((1,))])]
    [[[1.0, 1.0]], [0.0]]
    """
    parts = values.split([math.prod(shape) for shape in shapes])
    return tuple(part.view(shape) for part, shape in zip(parts, shapes, strict=True))
