"""Volumes: a network from (x, y, z) to the value of a voxel, evaluated at fitted voxels and at voxels that were left out."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from inrbench.data import volume_mean, write_image
from inrbench.errors import BadValue
from inrbench.metrics.error import mean_squared_error
from inrbench.problems.base import Predict
from inrbench.problems.grid import Grid
from inrbench.problems.outputs import Outputs
from inrbench.problems.regression import Regression
from inrbench.settings import VolumeSettings
from inrbench.spec import Protocol

Volume = NDArray[np.float32]
ALL_FITTED = "the protocol fits every voxel, so none is held out"


def volume_problem(volume: Volume, protocol: Protocol, data_seed: int) -> Regression:
    """Return the regression of a volume ``(D, H, W, C)`` in [0, 1] on its voxels, with the protocol's settings.

    ``max_voxels``: each fitted voxel is the mean of a block; voxels that do not fill a block are cut off. ``heldout``: share of
    the voxels that are not fitted, drawn at random. ``coordinate_range``: coordinates of the first and the last voxel centre of
    the longest axis; the other axes have the same scale.

    Raises BadValue for a volume that is too small.

    Args:
        volume: The volume.
        protocol: Protocol with VolumeSettings.
        data_seed: Seed of the choice of the held-out voxels.
    """
    settings = protocol.settings_as(VolumeSettings)
    truth = volume_mean(volume, settings.max_voxels)
    if min(truth.shape[:3]) < 2:
        raise BadValue(f"a volume of {'x'.join(map(str, truth.shape[:3]))} voxels is too small: 2 are needed along each axis")
    low, high = settings.span
    reach = [(high - low) * (side - 1) / (max(truth.shape[:3]) - 1) for side in truth.shape[:3]]
    grid = Grid(truth.shape[:3], (low,) * 3, tuple(low + each for each in reach))
    coordinates = grid.coordinates(slice(0, grid.n_points))
    heldout = np.zeros(grid.n_points, dtype=bool)
    heldout[np.random.default_rng(data_seed).permutation(grid.n_points)[: round(settings.heldout * grid.n_points)]] = True
    evaluation = VolumeEvaluation(truth, grid, heldout)
    fitted = torch.from_numpy(~heldout)
    values = torch.from_numpy(truth.reshape(grid.n_points, -1))
    domain = tuple(zip(grid.low, grid.high, strict=True))
    return Regression(coordinates[fitted], values[fitted], protocol.batch, evaluation, domain=domain)


class VolumeEvaluation:
    """Evaluation of a reconstructed volume against the original.

    Args:
        truth: The original at the fitted resolution, ``(D, H, W, C)`` in [0, 1].
        grid: Its voxel centres.
        heldout: Mask ``(D H W,)`` of the voxels that are not fitted.
    """

    def __init__(self, truth: Volume, grid: Grid, heldout: NDArray[np.bool_]) -> None:
        self.truth, self.grid, self.heldout = truth, grid, heldout

    def outputs(self, predict: Predict) -> Outputs:
        """Return the fitted voxels and the held-out voxels ``(N, C)``, each with the originals."""
        values = self.truth.reshape(self.grid.n_points, -1)
        functions = {
            "volume": lambda _: self.render(predict).reshape(values.shape),
            "prediction": lambda outputs: outputs["volume"][~self.heldout],
            "truth": lambda _: values[~self.heldout],
            "fitted_mse": lambda outputs: mean_squared_error(outputs["prediction"], outputs["truth"]),
            "unobserved_prediction": lambda outputs: outputs["volume"][self.heldout],
            "unobserved_truth": lambda _: values[self.heldout],
        }
        missing = {} if self.heldout.any() else dict.fromkeys(("unobserved_prediction", "unobserved_truth"), ALL_FITTED)
        return Outputs(functions, missing)

    def grid_pair(self, predict: Predict) -> tuple[Volume, Volume]:
        """Return the volume and its reconstruction."""
        return self.truth, self.render(predict)

    scaled_suffix = ".npy"

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write nine slices of the first channel as ``reconstruction.png`` and ``truth.png``."""
        write_image(folder / "reconstruction.png", _sheet(self.render(predict)))
        write_image(folder / "truth.png", _sheet(self.truth))

    def save_scaled(self, predict: Predict, scale: int, path: Path) -> None:
        """Write the volume with ``scale`` voxels in place of each along every axis, as a NumPy file ``(D, H, W, C)``.

        Args:
            predict: Function from coordinates to values.
            scale: Factor of the resolution.
            path: File to write.
        """
        shape = tuple(scale * side for side in self.grid.shape)
        fine = Grid(shape, self.grid.low, self.grid.high)
        np.save(path, predict(fine.coordinates(slice(0, fine.n_points))).numpy().reshape(*shape, -1))

    def render(self, predict: Predict) -> Volume:
        """Return the reconstruction ``(D, H, W, C)``."""
        volume: Volume = predict(self.grid.coordinates(slice(0, self.grid.n_points))).numpy().reshape(self.truth.shape)
        return volume


def _sheet(volume: Volume) -> Volume:
    """Return nine slices of the first channel, evenly spaced along the first axis, as one image ``(3 H, 3 W, 1)``."""
    chosen = volume[np.linspace(0, len(volume) - 1, 9).round().astype(int), ..., 0]
    return np.concatenate([np.concatenate(list(row), axis=1) for row in chosen.reshape(3, 3, *chosen.shape[1:])])[..., None]
