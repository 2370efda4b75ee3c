"""How far a solved field is from the true one."""

import numpy as np
from numpy.typing import NDArray

from inrbench.spec import Metric

RELATIVE_L2 = Metric(id="relative-l2@test-grid", higher_is_better=False, scale="log")
RELATIVE_L2_BEST = Metric(id="relative-l2-oracle@best-checkpoint", higher_is_better=False, scale="log")
RESIDUAL = Metric(id="residual-rms@held-out-4096", higher_is_better=False, scale="log")


def relative_l2(prediction: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Return ||prediction - truth|| / ||truth||, in float64.

    >>> relative_l2(np.array([1.0, 1.0]), np.array([1.0, 2.0])) == 1 / 5**0.5
    True
    """
    truth = truth.astype(np.float64)
    return float(np.linalg.norm(prediction.astype(np.float64) - truth) / np.linalg.norm(truth))
