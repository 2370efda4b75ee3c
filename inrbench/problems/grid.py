"""Regression on a grid too large to hold a coordinate for each of its points: they are made, batch by batch, from indices."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from inrbench.problems.base import Batch, Evaluation
from inrbench.problems.regression import Regression
from inrbench.problems.value_range import as_targets
from inrbench.settings import ValueRange
from inrbench.spec import Domain


@dataclass(frozen=True)
class Grid:
    """Points of a box: ``shape[i]`` along axis i, evenly spaced from ``low[i]`` to ``high[i]``, both included.

    A row is a point's index in C order (the last axis runs fastest); its coordinates stand in the order of the axes.
    """

    shape: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def n_points(self) -> int:
        """All points."""
        return math.prod(self.shape)

    def axes(self) -> list[Tensor]:
        """Return the positions along each axis, float32, rounded once from float64."""
        return [
            torch.linspace(low, high, n, dtype=torch.float64).float()
            for n, low, high in zip(self.shape, self.low, self.high, strict=True)
        ]

    def slabs(self, points: int) -> Iterator[slice]:
        """Yield ranges of rows that cover the grid, at most ``points`` rows each."""
        for start in range(0, self.n_points, points):
            yield slice(start, min(start + points, self.n_points))

    def coordinates(self, rows: slice) -> Tensor:
        """Return the coordinates ``(N, d)`` of a range of rows, on the CPU."""
        return at_rows(self.axes(), torch.arange(rows.start, rows.stop))


def at_rows(axes: list[Tensor], rows: Tensor) -> Tensor:
    """Return the coordinates ``(N, d)`` of rows, from the positions along each axis, all on one device."""
    columns = []
    for axis in reversed(axes):
        columns.append(axis[rows % len(axis)])
        rows = rows // len(axis)
    return torch.stack(columns[::-1], dim=1)


class GridValues(Protocol):
    """What a grid's points are fitted to, in whatever form keeps it small."""

    @property
    def channels(self) -> int:
        """Values a point."""
        ...

    def to(self, device: torch.device) -> "GridValues":
        """Return a copy on a device."""
        ...

    def at(self, rows: Tensor) -> Tensor:
        """Return the values ``(N, channels)`` of rows as float32, where the rows are."""
        ...


@dataclass(frozen=True)
class ByteValues:
    """Bytes ``(N, C)``; 0 and 255 become the two ends of the value range."""

    bytes: Tensor
    value_range: ValueRange = "[0, 1]"

    @property
    def channels(self) -> int:
        """C."""
        return self.bytes.shape[1]

    def to(self, device: torch.device) -> "ByteValues":
        """Return a copy on a device."""
        return ByteValues(self.bytes.to(device), self.value_range)

    def at(self, rows: Tensor) -> Tensor:
        """Return values in the value range."""
        return as_targets(self.bytes[rows].float() / 255, self.value_range)


@dataclass(frozen=True)
class BitValues:
    """Eight points a byte, the first in the highest bit: 0 or 1."""

    packed: Tensor
    channels: int = 1

    def to(self, device: torch.device) -> "BitValues":
        """Return a copy on a device."""
        return BitValues(self.packed.to(device))

    def at(self, rows: Tensor) -> Tensor:
        """Return 0 or 1."""
        return ((self.packed[rows >> 3] >> (7 - (rows & 7))) & 1).float()[:, None]


@dataclass(frozen=True)
class FloatValues:
    """float32, ``(N,)``; on the CPU it may be mapped from disk."""

    values: Tensor
    channels: int = 1

    def to(self, device: torch.device) -> "FloatValues":
        """Return a copy on a device."""
        return FloatValues(self.values.to(device))

    def at(self, rows: Tensor) -> Tensor:
        """Return the values."""
        return self.values[rows][:, None]


class GridRegression(Regression):
    """Fit the points of a grid to their values, shuffled anew each epoch. Nothing per point is done in Python or copied."""

    def __init__(
        self, grid: Grid, values: GridValues, batch: int | None, evaluation: Evaluation, domain: Domain | None = None
    ) -> None:
        self.n_points, self.in_features, self.out_features = grid.n_points, len(grid.shape), values.channels
        self.batch = min(batch or self.n_points, self.n_points)
        self.evaluation = evaluation
        self.domain = tuple(zip(grid.low, grid.high, strict=True)) if domain is None else domain
        self._axes, self._values = grid.axes(), values
        self._dtype = torch.float32

    def as_dtype(self, dtype: torch.dtype) -> None:
        """Give coordinates and values as another type."""
        self._dtype = dtype

    def to(self, device: torch.device) -> None:
        """Move the axes and the values to a device."""
        self._axes, self._values = [axis.to(device) for axis in self._axes], self._values.to(device)

    @property
    def device(self) -> torch.device:
        """Where training happens."""
        return self._axes[0].device

    def example(self, points: int) -> Batch:
        """Return the first points: no order of all of them is drawn for it."""
        return self.take(torch.arange(min(points, self.batch), device=self.device))

    def take(self, rows: Tensor | slice) -> Batch:
        """Return coordinates and values of some rows."""
        if isinstance(rows, slice):
            rows = torch.arange(self.n_points, device=self.device)[rows]
        return at_rows(self._axes, rows).to(self._dtype), self._values.at(rows).to(self._dtype)
