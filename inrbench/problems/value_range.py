"""Targets in [-1, 1], as some authors fit images, though metrics are computed in [0, 1]."""

from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from inrbench.problems.base import Evaluation, Predict, Values
from inrbench.problems.outputs import Outputs
from inrbench.settings import ValueRange

T = TypeVar("T", Tensor, Values)


def as_targets(values: T, value_range: ValueRange) -> T:
    """Return values of [0, 1] as what a network is fitted to."""
    return values if value_range == "[0, 1]" else 2 * values - 1


def in_unit_range(evaluation: Evaluation, value_range: ValueRange) -> Evaluation:
    """Return an evaluation that judges a network fitted to a value range by its values brought back to [0, 1]."""
    return evaluation if value_range == "[0, 1]" else UnitRangeEvaluation(evaluation)


class UnitRangeEvaluation:
    """Judges predictions in [-1, 1] by an evaluation that expects [0, 1]."""

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
        """Write what the evaluation writes."""
        self.inner.save_artifacts(_back(predict), folder)

    def save_scaled(self, predict: Predict, scale: int, path: Path) -> None:
        """Write the reconstruction at a finer resolution."""
        self.inner.save_scaled(_back(predict), scale, path)


def _back(predict: Predict) -> Predict:
    def unit(coordinates: torch.Tensor) -> torch.Tensor:
        return (predict(coordinates) + 1) / 2

    return unit
