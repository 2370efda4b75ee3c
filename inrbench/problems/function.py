"""One-dimensional functions: fitted at random points of [-1, 1], evaluated there and on a dense grid between them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from inrbench.metrics.error import mean_squared_error
from inrbench.problems.base import Predict
from inrbench.problems.outputs import Outputs
from inrbench.problems.regression import Regression
from inrbench.spec import Protocol

Array = NDArray[np.float64]
Function = Callable[[Array], Array]
DENSE_POINTS = 20_001
DENSE_X = torch.linspace(-1, 1, DENSE_POINTS)[:, None]


def function_problem(function: Function, n_points: int, data_seed: int, protocol: Protocol) -> Regression:
    """Return the regression of a function on uniform random points of [-1, 1].

    The points are drawn in float32 and the function is evaluated there in float64, so that the rounding of x causes no error
    in the fitted values.

    Args:
        function: Function from x to y, arrays of the same shape in float64.
        n_points: Number of points.
        data_seed: Seed of the points.
        protocol: Protocol that gives the batch and the precision.
    """
    generator = torch.Generator().manual_seed(data_seed)
    x = 2 * torch.rand(n_points, 1, generator=generator) - 1
    evaluation = FunctionEvaluation(function, x)
    problem = Regression(x, _values(function, x), protocol.batch, evaluation, domain=((-1.0, 1.0),))
    if protocol.precision != "float64":
        problem.as_dtype(torch.float32)
    return problem


def _values(function: Function, x: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(function(x.numpy().astype(np.float64)))


class FunctionEvaluation:
    """Evaluation of a fit at the training points and at 20,001 equispaced points of [-1, 1]."""

    def __init__(self, function: Function, train_x: torch.Tensor) -> None:
        self.function = function
        self.train_x, self.train_y = train_x, _values(function, train_x).numpy()

    def outputs(self, predict: Predict) -> Outputs:
        """Return the function and its fit on the dense grid, and the error on the training points."""
        return Outputs(
            {
                "prediction": lambda _: self.grid_pair(predict)[1],
                "truth": lambda _: self.function(DENSE_X.numpy().astype(np.float64)),
                "fitted_mse": lambda _: mean_squared_error(predict(self.train_x).numpy(), self.train_y),
            }
        )

    def grid_pair(self, predict: Predict) -> tuple[Array, NDArray[np.float32]]:
        """Return the function and its fit on the dense grid."""
        return self.function(DENSE_X.numpy().astype(np.float64)), predict(DENSE_X).numpy()

    scaled_suffix = ".npz"

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write ``curve.npz``: x, truth and prediction at every tenth point of the dense grid."""
        self._save_curve(predict, (DENSE_POINTS + 9) // 10, folder / "curve.npz")

    def save_scaled(self, predict: Predict, scale: int, path: Path) -> None:
        """Write x, truth and prediction with ``scale`` points per fitted point.

        Args:
            predict: Function from coordinates to values.
            scale: Factor of the number of points.
            path: File to write, ``.npz``.
        """
        self._save_curve(predict, scale * len(self.train_x), path)

    def _save_curve(self, predict: Predict, points: int, path: Path) -> None:
        x = torch.linspace(-1, 1, points)[:, None]
        truth = self.function(x.numpy().astype(np.float64))
        np.savez_compressed(path, x=x.numpy()[:, 0], truth=truth[:, 0], prediction=predict(x).numpy()[:, 0])
