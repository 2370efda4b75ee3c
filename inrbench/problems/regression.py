"""Regression: a network from coordinates to values, fitted by mean squared error."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from inrbench.problems.base import Batch, Evaluation, Problem, with_penalty
from inrbench.spec import Domain


class Regression(Problem):
    """Fit ``coordinates (N, d)`` to ``values (N, c)``, both float32.

    ``batch`` points a step: None takes all of them in their order; otherwise each epoch is a fresh shuffle, and its last batch
    holds what is left. ``domain``: the box that the coordinates are from; if not given, the smallest box that holds them all.
    """

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
        """Hold coordinates and values as another type."""
        self.coordinates, self.values = self.coordinates.to(dtype), self.values.to(dtype)

    def to(self, device: torch.device) -> None:
        """Move coordinates and values to a device."""
        self.coordinates, self.values = self.coordinates.to(device), self.values.to(device)

    @property
    def device(self) -> torch.device:
        """Where training happens."""
        return self.coordinates.device

    def take(self, rows: Tensor | slice) -> Batch:
        """Return coordinates and values of some rows."""
        return self.coordinates[rows], self.values[rows]

    def batches(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield ``(coordinates, values)`` of each step of one epoch."""
        if self.batch == self.n_points:
            yield self.take(slice(None))
            return
        for rows in shuffled(self.n_points, generator, self.device).split(self.batch):
            yield self.take(rows)

    def loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the chunk's share of the mean squared error over points and channels, and of the network's penalty."""
        coordinates, values = chunk
        error = (network(coordinates) - values).square().sum() * (weight / self.out_features)
        return with_penalty(error, network, weight * len(coordinates))


def smallest_box(coordinates: Tensor) -> Domain:
    """Return the least and the greatest value of each coordinate of ``(N, d)``; unit width about a single value."""
    low, high = coordinates.min(0).values.tolist(), coordinates.max(0).values.tolist()
    return tuple((a, b) if a < b else (a - 0.5, a + 0.5) for a, b in zip(low, high, strict=True))


def shuffled(n: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Return the numbers below ``n`` in random order, on a device. The randomness comes from a generator on the CPU.

    A GPU draws the order itself, from a seed drawn here: a CPU would take longer over tens of millions than the GPU over
    an epoch of steps.
    """
    if device.type == "cpu":
        return torch.randperm(n, generator=generator)
    seed = int(torch.randint(2**62, (), generator=generator))
    return torch.randperm(n, generator=torch.Generator(device).manual_seed(seed), device=device)
