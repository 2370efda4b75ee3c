"""Errors of a field that solves an equation."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inrbench.spec import Metric


def relative_l2(prediction: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Return ||prediction - truth|| / ||truth||, in float64.

    >>> relative_l2(np.array([1.0, 1.0]), np.array([1.0, 2.0])) == 1 / 5**0.5
    True
    """
    truth = truth.astype(np.float64)
    return float(np.linalg.norm(prediction.astype(np.float64) - truth) / np.linalg.norm(truth))


def least(history: Sequence[float]) -> float:
    """Return the smallest of the values recorded during a run.

    >>> least([0.5, 0.1, 0.2])
    0.1
    """
    return min(history)


RELATIVE_L2 = Metric(id="relative-l2@test-grid", title="relative l2", higher_is_better=False, scale="log", compute=relative_l2)
RELATIVE_L2_BEST = Metric(
    id="relative-l2-oracle@best-checkpoint",
    title="relative l2 oracle",
    higher_is_better=False,
    scale="log",
    compute=least,
    needs=("primary_history",),
)
RESIDUAL = Metric(
    id="residual-rms@held-out-4096",
    title="residual rms",
    higher_is_better=False,
    scale="log",
    compute=float,
    needs=("residual_rms",),
)
