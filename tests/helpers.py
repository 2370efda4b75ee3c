"""Shared functions of the tests."""

from collections.abc import Callable, Sequence

import torch

from inrbench.metrics import builtin_metrics
from inrbench.problems import Evaluator, Problem
from inrbench.spec import Measurement

Predict = Callable[[torch.Tensor], torch.Tensor]


def evaluator(problem: Problem, metrics: Sequence[str]) -> Evaluator:
    """Return the evaluator of built-in metrics by id."""
    return Evaluator([builtin_metrics()[name] for name in metrics], problem.evaluation)


def measure(problem: Problem, metrics: Sequence[str], predict: Predict) -> dict[str, Measurement]:
    """Return the measurements of a prediction by metric id."""
    return {each.metric.id: each for each in evaluator(problem, metrics).measure(predict)}


def values(problem: Problem, metrics: Sequence[str], predict: Predict) -> dict[str, float | None]:
    """Return the values of a prediction by metric id."""
    return {name: each.value for name, each in measure(problem, metrics, predict).items()}


def primary(problem: Problem, metrics: Sequence[str], predict: Predict) -> float:
    """Return the primary metric of a prediction."""
    return evaluator(problem, metrics).primary(predict)
