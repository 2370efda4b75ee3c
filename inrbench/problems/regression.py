"""Regression: a network from coordinates to values, fitted by mean squared error."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from inrbench.problems.base import Batch, Evaluation, Problem, with_penalty
from inrbench.spec import Domain


class Regression(Problem):
    """Fit ``coordinates (N, d)`` to ``values (N, c)``, both float32.

    Args:
        coordinates: Points ``(N, d)``.
        values: Values ``(N, c)`` at the points.
        batch: Points per step. None uses all points in their order; otherwise each epoch is shuffled anew, and its last batch
            contains the remaining points.
        evaluation: Evaluation of the fit.
        domain: Box that the coordinates come from; by default the smallest box that contains them all.
    """

    mean_over_points = True

    def __init__(
        self, coordinates: Tensor, values: Tensor, batch: int | None, evaluation: Evaluation, domain: Domain = ()
    ) -> None:
        if len(coordinates) != len(values):
            raise ValueError(f"{len(coordinates)} coordinates for {len(values)} values")
        self.coordinates, self.values = coordinates, values
        self.n_points, self.in_features = coordinates.shape
        self.out_features = values.shape[1]
        self.batch = min(batch or self.n_points, self.n_points)
        self.evaluation = evaluation
        self.domain = domain or smallest_box(coordinates)

    def as_dtype(self, dtype: torch.dtype) -> None:
        """Convert coordinates and values to this type."""
        self.coordinates, self.values = self.coordinates.to(dtype), self.values.to(dtype)

    def to(self, device: torch.device) -> None:
        """Move coordinates and values to a device."""
        self.coordinates, self.values = self.coordinates.to(device), self.values.to(device)

    @property
    def device(self) -> torch.device:
        """The device that training runs on."""
        return self.coordinates.device

    def take(self, rows: Tensor | slice) -> Batch:
        """Return coordinates and values of some rows."""
        return self.coordinates[rows], self.values[rows]

    def batches(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield ``(coordinates, values)`` for each step of one epoch."""
        if self.batch == self.n_points:
            yield self.take(slice(None))
            return
        for rows in shuffled(self.n_points, generator, self.device).split(self.batch):
            yield self.take(rows)

    def loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the chunk's share of the mean squared error over points and channels, and of the penalty.

        Args:
            network: Network that is fitted.
            chunk: Coordinates and values of a part of a batch.
            weight: One over the number of points in the whole batch.
        """
        coordinates, values = chunk
        error = (network(coordinates) - values).square().sum() * (weight / self.out_features)
        return with_penalty(error, network, weight * len(coordinates))

    def point_losses(self, network: nn.Module, chunk: Batch) -> Tensor:
        """Return the mean squared error of each point ``(N,)`` over its channels.

        Args:
            network: Network that is fitted.
            chunk: Coordinates and values.
        """
        coordinates, values = chunk
        return (network(coordinates) - values).square().mean(dim=1)


def smallest_box(coordinates: Tensor) -> Domain:
    """Return the lowest and the highest value of each coordinate of ``(N, d)``.

    If a coordinate has a single value, its interval has width 1 around that value.
    """
    low, high = coordinates.min(0).values.tolist(), coordinates.max(0).values.tolist()
    return tuple((a, b) if a < b else (a - 0.5, a + 0.5) for a, b in zip(low, high, strict=True))


def shuffled(n: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Return the numbers below ``n`` in random order, on a device.

    A GPU draws the order itself, from a seed drawn here: for tens of millions of points, drawing it on the CPU would take
    longer than an epoch of steps on the GPU.

    Args:
        n: How many numbers.
        generator: Source of the randomness, a generator on the CPU.
        device: Device of the result.
    """
    if device.type == "cpu":
        return torch.randperm(n, generator=generator)
    seed = int(torch.randint(2**62, (), generator=generator))
    kind = torch.int32 if n < 2**31 else torch.int64  # half of the memory
    return torch.randperm(n, generator=torch.Generator(device).manual_seed(seed), device=device, dtype=kind)
