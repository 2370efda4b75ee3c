"""Solids: a network from position to signed distance or occupancy, evaluated on voxels, random points and surfaces."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inrbench.data import Mesh, ShapeTruth, nearest_on_surface, sample_surface, write_image, write_ply
from inrbench.data.rasterise import render
from inrbench.errors import BadValue
from inrbench.metrics.shape import Overlap, SurfaceComparison, iou
from inrbench.problems.base import Batch, Predict, PredictOnDevice, with_penalty
from inrbench.problems.grid import BitValues, FloatValues, Grid, GridRegression, GridValues
from inrbench.problems.outputs import Function, Outputs
from inrbench.settings import ShapeSettings
from inrbench.spec import Protocol

Field = tuple[slice, Tensor]
"""A range of grid rows, and the predictions ``(N,)`` for these rows."""
SLAB_POINTS = 1 << 20
"""Grid rows that are evaluated at once."""
SURFACE_POINTS = 30_000
SURFACE_SEED = 0


def shape_problem(truth: ShapeTruth, protocol: Protocol) -> GridRegression:
    """Return the regression of a shape's ground truth on the voxels of its grid, with the protocol's settings.

    ``target``: ``sdf``, or ``occupancy``, which is 0 or 1. Both are fitted by mean squared error.
    ``coordinates``: with ``isotropic``, the longest side of the grid spans [-1, 1]; with ``stretched``, every side does.
    ``scoring``: ``final`` evaluates the final weights; ``official`` also scores the network's outputs during training.
    """
    settings = protocol.settings_as(ShapeSettings)
    evaluation = shape_evaluation(truth, settings)
    kind = OfficiallyScored if settings.scoring == "official" else ShapeRegression
    return kind(evaluation.grid, evaluation.values, protocol.batch, evaluation)


def shape_evaluation(truth: ShapeTruth, settings: ShapeSettings) -> "ShapeEvaluation":
    """Return the evaluation of a field against a shape's ground truth."""
    if settings.coordinates == "stretched":
        grid = Grid(truth.shape, (-1.0,) * 3, (1.0,) * 3)
    else:
        high = tuple(low + (n - 1) * truth.voxel for low, n in zip(truth.low, truth.shape, strict=True))
        grid = Grid(truth.shape, truth.low, high)
    stored = torch.from_numpy(truth.values.reshape(-1))
    is_distance = settings.target == "sdf"
    values: GridValues = FloatValues(stored) if is_distance else BitValues(stored)
    return ShapeEvaluation(truth, grid, values, 0.0 if is_distance else 0.5, is_distance)


class ShapeRegression(GridRegression):
    """Regression of a solid's field at every voxel."""

    evaluation: "ShapeEvaluation"

    def to(self, device: torch.device) -> None:
        """Move axes and values to a device, where the evaluation compares the fitted field with them."""
        super().to(device)
        self.evaluation.values, self.evaluation.device = self._values, device

    def error_share(self, network: nn.Module, predict: Predict) -> float | None:
        """Return 1 - IoU. A constant field, which is outside everywhere, has 1.

        A share of the field's variance would not be informative: a distance is smooth far from the surface, and a field with a
        tenth of the variance left may have no surface at all.
        """
        known = self.evaluation.last_overlap or self.evaluation.outputs(predict)["grid_overlap"]
        return 1 - iou(known)


class ShapeEvaluation:
    """Evaluation of a fitted field against the true solid.

    Args:
        truth: The true solid.
        grid: The fitted grid.
        values: The true field on it.
        level: Value of the field at the surface.
        inside_below: Whether the field is below ``level`` inside the solid. If not, it is above.
    """

    def __init__(self, truth: ShapeTruth, grid: Grid, values: GridValues, level: float, inside_below: bool) -> None:
        self.truth, self.grid, self.values = truth, grid, values
        self.level, self.inside_below = level, inside_below
        self.device = torch.device("cpu")
        """Device of the values."""
        self.training_overlap: Callable[[], Overlap] | None = None
        """Function that returns the overlap of the outputs during training; None if they were not recorded."""
        self.last_overlap: Overlap | None = None
        self._last_surface: Mesh | None = None

    def outputs(self, predict: Predict) -> Outputs:
        """Return the overlaps of the two solids, the error on the grid, and the two surfaces."""
        functions: dict[str, Function] = {
            "slabs": lambda _: [(rows, field.cpu()) for rows, field in _fields(predict, self.grid)],
            # at full size the field takes hundreds of MB: it is stored only if the surface is needed too, since both must
            # come from the same field
            "scores": lambda outputs: self._scores(
                outputs["slabs"] if "surfaces" in outputs.expected else _fields(predict, self.grid)
            ),
            "grid_overlap": lambda outputs: outputs["scores"][0],
            "fitted_mse": lambda outputs: outputs["scores"][1],
            "random_overlap": lambda _: self._over_random_points(predict),
            "surfaces": lambda outputs: self._surfaces(outputs["slabs"]),
        }
        if self.training_overlap is None:
            return Outputs(functions, {"training_overlap": "the protocol does not record outputs during training"})
        overlap = self.training_overlap
        return Outputs({**functions, "training_overlap": lambda _: overlap()})

    def _surfaces(self, slabs: Iterable[Field]) -> SurfaceComparison:
        self._last_surface = self._surface(slabs)
        return compare_surfaces(self._last_surface, self.truth.mesh)

    def surface(self, predict: Predict) -> Mesh:
        """Return the surface of the fitted field by marching cubes, in the coordinates of the true surface.

        It is closed at the boundary of the grid. Raises BadValue if the field is inside everywhere or outside everywhere.
        """
        return self._surface(_fields(predict, self.grid))

    def _surface(self, fields: Iterable[Field], scale: int = 1) -> Mesh:
        from skimage.measure import marching_cubes

        field = np.concatenate([f.cpu().numpy() for _, f in fields]).reshape(_finer(self.grid, scale).shape)
        outside = max(field.max(), self.level + self.truth.voxel) if self.inside_below else min(field.min(), 0.0)
        field = np.pad(field, 1, constant_values=outside)
        direction = "ascent" if self.inside_below else "descent"
        try:
            vertices, faces, _, _ = marching_cubes(field, self.level, gradient_direction=direction)
        except (ValueError, RuntimeError) as error:
            raise BadValue("the fitted field has no surface: it is all inside or all outside") from error
        return Mesh(np.array(self.truth.low) + (vertices - 1.0) * self.truth.voxel / scale, faces.astype(np.int64))

    def grid_pair(self, predict: Predict) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the true and the fitted field on the middle plane of the first axis."""
        n, *plane = self.grid.shape
        rows = slice(n // 2 * math.prod(plane), (n // 2 + 1) * math.prod(plane))
        truth = self.true_field(rows).cpu().numpy()
        return truth.reshape(*plane, 1), predict(self.grid.coordinates(rows)).numpy().reshape(*plane, 1)

    scaled_suffix = ".ply"

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write meshes and images of the true surface and of the last measured surface.

        Raises BadValue if the fitted field has no surface.
        """
        for name, mesh in (("reconstruction", self._last_surface or self.surface(predict)), ("truth", self.truth.mesh)):
            write_ply(folder / f"{name}.ply", mesh)
            write_image(folder / f"{name}.png", render(mesh))

    def save_scaled(self, predict: Predict, scale: int, path: Path) -> None:
        """Write the surface from a grid with ``scale`` steps per fitted step.

        Args:
            predict: Function from coordinates to values.
            scale: Factor of the resolution.
            path: File to write, ``.ply``.

        Raises:
            BadValue: The fitted field has no surface.
        """
        write_ply(path, self._surface(_fields(predict, _finer(self.grid, scale)), scale))

    @overload
    def inside(self, field: NDArray[np.floating]) -> NDArray[np.bool_]: ...
    @overload
    def inside(self, field: Tensor) -> Tensor: ...
    def inside(self, field: Any) -> Any:
        """Return a mask of the points where a field is inside the solid; for a tensor, on its device."""
        return field < self.level if self.inside_below else field > self.level

    def true_field(self, rows: slice) -> Tensor:
        """Return the true field ``(N,)`` at a range of rows, on the device of the values."""
        return self.values.at(torch.arange(rows.start, rows.stop, device=self.device))[:, 0]

    def _scores(self, fields: Iterable[Field]) -> tuple[Overlap, float]:
        """Return the overlap on the grid, and the mean squared error. Both are computed on the device of the fields."""
        total, error = Overlap(0, 0), 0.0
        for rows, field in fields:
            truth = self.true_field(rows).to(field.device)
            total += _overlap(self.inside(field), self.inside(truth))
            error += _sum_of_squares(field, truth)
        self.last_overlap = total
        return total, error / self.grid.n_points

    def _over_random_points(self, predict: Predict) -> Overlap:
        """Return the overlap at random points, between the centres of the voxels."""
        low, extent = np.array(self.truth.low), (np.array(self.truth.shape) - 1) * self.truth.voxel
        share = (self.truth.random_points - low) / np.where(extent, extent, 1)
        span = np.array(self.grid.high) - np.array(self.grid.low)
        coordinates = torch.from_numpy(np.array(self.grid.low) + share * span).float()
        return _overlap(self.inside(predict(coordinates).numpy()[:, 0]), self.truth.random_inside)


def _fields(predict: Predict, grid: Grid) -> Iterator[Field]:
    """Yield the fitted field in slabs, on the device of the network if the predictions can stay there."""
    on_device = predict.on_device if isinstance(predict, PredictOnDevice) else predict
    device = predict.device if isinstance(predict, PredictOnDevice) else None
    for rows in grid.slabs(SLAB_POINTS):
        yield rows, on_device(grid.coordinates(rows, device))[:, 0]


def _overlap(a: Any, b: Any) -> Overlap:
    """Return the overlap of two solids, from two arrays or two tensors that say which points are inside."""
    return Overlap(int((a & b).sum()), int((a | b).sum()))


def _sum_of_squares(field: Tensor, truth: Tensor) -> float:
    """Return the sum of the squared differences in float64; on a CPU in numpy's order, which stored rows have."""
    squares = (field.double() - truth.double()).square()
    return float(squares.numpy().sum() if squares.device.type == "cpu" else squares.sum())


def _finer(grid: Grid, scale: int) -> Grid:
    """Return the grid of the same box with ``scale`` steps per step of ``grid``."""
    return Grid(tuple(scale * (n - 1) + 1 for n in grid.shape), grid.low, grid.high)


RECORDED = ("outputs", "best_outputs", "least", "seen", "loss")
"""Attributes in which ``OfficiallyScored`` records the outputs during training."""


class OfficiallyScored(ShapeRegression):
    """Regression that also scores as the official code of Han et al. does, on the network's outputs during training.

    The output for a voxel in an epoch comes from the weights before the step of its batch. The epoch with the smallest mean
    loss counts. The loss is not compiled, because it records the outputs.

    Args:
        grid: Points that are fitted.
        values: Values at the points.
        batch: Points per step; None for all points.
        evaluation: Evaluation of the fit. It gets the overlap of the recorded outputs.
    """

    compilable = False
    mean_over_points = False

    def __init__(self, grid: Grid, values: GridValues, batch: int | None, evaluation: ShapeEvaluation) -> None:
        super().__init__(grid, values, batch, evaluation)
        self._grid = grid
        self._outputs = torch.zeros(grid.n_points, dtype=torch.bool)
        self._best_outputs, self._least = self._outputs.clone(), float("inf")
        self._seen, self._loss = 0, torch.zeros((), dtype=torch.float64)
        self._records = True
        evaluation.training_overlap = self._training_overlap

    def to(self, device: torch.device) -> None:
        """Move axes, values and the record to a device: a step then does not wait for it."""
        super().to(device)
        self._outputs, self._best_outputs = self._outputs.to(device), self._best_outputs.to(device)
        self._loss = self._loss.to(device)

    @contextmanager
    def without_recording(self) -> Iterator[None]:
        """Compute losses in the block that are not those of a step."""
        self._records = False
        try:
            yield
        finally:
            self._records = True

    def take(self, rows: Tensor | slice) -> Batch:
        """Return coordinates, values and the rows themselves."""
        if isinstance(rows, slice):
            rows = torch.arange(self.n_points, device=self.device)[rows]
        return *super().take(rows), rows

    def loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the chunk's share of the mean squared error and of the penalty, and record its outputs for this epoch.

        Args:
            network: Network that is fitted.
            chunk: Coordinates, values and rows of a part of a batch.
            weight: One over the number of points in the whole batch.
        """
        coordinates, values, rows = chunk
        outputs = network(coordinates)
        self._keep(outputs.detach(), values, rows)
        error = (outputs - values).square().sum() * (weight / self.out_features)
        return with_penalty(error, network, weight * len(coordinates))

    def training_state(self) -> dict[str, Any]:
        """Return the recorded outputs of this epoch and of the best one."""
        return {name: getattr(self, f"_{name}") for name in RECORDED}

    def restore_training_state(self, state: dict[str, Any]) -> None:
        """Restore the recorded outputs."""
        for name in RECORDED:
            value = state[name]
            setattr(self, f"_{name}", value.to(self.device) if isinstance(value, Tensor) else value)

    def batches(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield the batches of one epoch, after finishing the record of the previous epoch."""
        self._end_epoch()
        yield from super().batches(generator)

    def _keep(self, outputs: Tensor, values: Tensor, rows: Tensor) -> None:
        if self._records:
            self._outputs[rows] = self.evaluation.inside(outputs[:, 0])
            self._seen += len(rows)
            self._loss += (outputs - values).square().sum().double()

    def _end_epoch(self) -> None:
        is_complete = self._seen == self.n_points  # counting operations uses only a few rows
        if is_complete and (loss := float(self._loss)) < self._least:
            self._least, self._best_outputs = loss, self._outputs.clone()
        self._seen = 0
        self._loss.zero_()

    def _training_overlap(self) -> Overlap:
        self._end_epoch()
        total = Overlap(0, 0)
        for rows in self._grid.slabs(SLAB_POINTS):
            total += _overlap(self._best_outputs[rows], self.evaluation.inside(self.evaluation.true_field(rows)))
        return total


def compare_surfaces(mesh: Mesh, true_mesh: Mesh) -> SurfaceComparison:
    """Sample two surfaces and compare each with the other."""
    points, normals = sample_surface(mesh, SURFACE_POINTS, SURFACE_SEED)
    true_points, true_normals = sample_surface(true_mesh, SURFACE_POINTS, SURFACE_SEED)
    forth, nearest_true_normals = nearest_on_surface(true_mesh, points)
    back, nearest_normals = nearest_on_surface(mesh, true_points)
    return SurfaceComparison(forth, back, ((normals, nearest_true_normals), (true_normals, nearest_normals)))
