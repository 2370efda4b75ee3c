"""Regression on a grid that is too large to store all coordinates: each batch computes them from indices."""

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
    """A regular grid of points in a box.

    A row is a point's index in C order (the last axis varies fastest). A point's coordinates are in the order of the axes.

    Args:
        shape: Number of points along each axis. They are evenly spaced.
        low: First position along each axis.
        high: Last position along each axis, included in the grid.
    """

    shape: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def n_points(self) -> int:
        """Number of points."""
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

    def coordinates(self, rows: slice, device: torch.device | None = None) -> Tensor:
        """Return the coordinates ``(N, d)`` of a range of rows, computed on a device; on the CPU if it is not given."""
        axes = [axis.to(device) for axis in self.axes()]
        return at_rows(axes, torch.arange(rows.start, rows.stop, device=device))


def at_rows(axes: list[Tensor], rows: Tensor) -> Tensor:
    """Return the coordinates ``(N, d)`` of rows from the positions along each axis. All tensors are on one device."""
    columns = []
    for axis in reversed(axes):
        columns.append(axis[rows % len(axis)])
        rows = rows // len(axis)
    return torch.stack(columns[::-1], dim=1)


class GridValues(Protocol):
    """Values that the points of a grid are fitted to, in a compact form."""

    @property
    def channels(self) -> int:
        """Values per point."""
        ...

    def to(self, device: torch.device) -> "GridValues":
        """Return a copy on a device."""
        ...

    def at(self, rows: Tensor) -> Tensor:
        """Return the values ``(N, channels)`` of rows as float32, on the device of ``rows``."""
        ...


@dataclass(frozen=True)
class ByteValues:
    """Values stored as bytes ``(N, C)``; 0 and 255 become the two ends of the value range."""

    bytes: Tensor
    value_range: ValueRange = "[0, 1]"

    @property
    def channels(self) -> int:
        """Values per point, C."""
        return self.bytes.shape[1]

    def to(self, device: torch.device) -> "ByteValues":
        """Return a copy on a device."""
        return ByteValues(self.bytes.to(device), self.value_range)

    def at(self, rows: Tensor) -> Tensor:
        """Return the values of rows, scaled to the value range."""
        return as_targets(self.bytes[rows].float() / 255, self.value_range)


@dataclass(frozen=True)
class BitValues:
    """Values 0 or 1, stored as eight points per byte with the first point in the highest bit."""

    packed: Tensor
    channels: int = 1

    def to(self, device: torch.device) -> "BitValues":
        """Return a copy on a device."""
        return BitValues(self.packed.to(device))

    def at(self, rows: Tensor) -> Tensor:
        """Return the values of rows, 0 or 1."""
        return ((self.packed[rows >> 3] >> (7 - (rows & 7))) & 1).float()[:, None]


@dataclass(frozen=True)
class FloatValues:
    """Values stored as float32 ``(N,)``; on the CPU they may be memory-mapped from disk."""

    values: Tensor
    channels: int = 1

    def to(self, device: torch.device) -> "FloatValues":
        """Return a copy on a device."""
        return FloatValues(self.values.to(device))

    def at(self, rows: Tensor) -> Tensor:
        """Return the values of rows."""
        return self.values[rows][:, None]


class GridRegression(Regression):
    """Fit the points of a grid to their values, shuffled anew each epoch.

    No Python code runs per point, and no per-point data is copied.

    Args:
        grid: Points that are fitted.
        values: Values at the points.
        batch: Points per step; None for all points.
        evaluation: Evaluation of the fit.
        domain: Lowest and highest value of each coordinate; None for those of the grid.
    """

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
        """Produce coordinates and values in this type."""
        self._dtype = dtype

    def to(self, device: torch.device) -> None:
        """Move the axes and the values to a device."""
        self._axes, self._values = [axis.to(device) for axis in self._axes], self._values.to(device)

    @property
    def device(self) -> torch.device:
        """The device that training runs on."""
        return self._axes[0].device

    def example(self, points: int) -> Batch:
        """Return the first points, so that no random order of all points has to be drawn."""
        return self.take(torch.arange(min(points, self.batch), device=self.device))

    def take(self, rows: Tensor | slice) -> Batch:
        """Return coordinates and values of some rows."""
        if isinstance(rows, slice):
            rows = torch.arange(self.n_points, device=self.device)[rows]
        return at_rows(self._axes, rows).to(self._dtype), self._values.at(rows).to(self._dtype)
