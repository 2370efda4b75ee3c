"""Targets in [-1, 1], as some authors fit images. Metrics are still computed in [0, 1]."""

from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from inrbench.problems.base import Evaluation, Predict, Values
from inrbench.problems.outputs import Outputs
from inrbench.settings import ValueRange

T = TypeVar("T", Tensor, Values)


def as_targets(values: T, value_range: ValueRange) -> T:
    """Convert values in [0, 1] to targets in the value range of the fit."""
    return values if value_range == "[0, 1]" else 2 * values - 1


def in_unit_range(evaluation: Evaluation, value_range: ValueRange) -> Evaluation:
    """Wrap an evaluation so that predictions in a value range are converted back to [0, 1]."""
    return evaluation if value_range == "[0, 1]" else UnitRangeEvaluation(evaluation)


class UnitRangeEvaluation:
    """Evaluation of predictions in [-1, 1] by an evaluation that expects [0, 1]."""

    def __init__(self, inner: Evaluation) -> None:
        self.inner = inner
        self.scaled_suffix = inner.scaled_suffix

    def outputs(self, predict: Predict) -> Outputs:
        """Return the outputs, with the prediction in [0, 1]."""
        return self.inner.outputs(_back(predict))

    def grid_pair(self, predict: Predict) -> tuple[Values, Values] | None:
        """Return truth and prediction in [0, 1]."""
        return self.inner.grid_pair(_back(predict))

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write the files of the wrapped evaluation."""
        self.inner.save_artifacts(_back(predict), folder)

    def save_scaled(self, predict: Predict, scale: int, path: Path) -> None:
        """Write the reconstruction at ``scale`` times the fitted resolution.

        Args:
            predict: Function from coordinates to values.
            scale: Factor of the resolution.
            path: File to write.
        """
        self.inner.save_scaled(_back(predict), scale, path)


def _back(predict: Predict) -> Predict:
    def unit(coordinates: torch.Tensor) -> torch.Tensor:
        return (predict(coordinates) + 1) / 2

    return unit
