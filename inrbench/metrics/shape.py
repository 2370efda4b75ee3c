"""How alike two solids are: by their voxels, by random points, by the distance between their surfaces."""

import numpy as np
from numpy.typing import NDArray

from inrbench.spec import Metric

IOU_GRID = Metric(id="iou@grid", higher_is_better=True)
IOU_RANDOM = Metric(id="iou-random@100k", higher_is_better=True)
IOU_OFFICIAL = Metric(id="iou@official-training-outputs", higher_is_better=True)
CHAMFER = Metric(id="chamfer@l1-point-to-surface-30k", higher_is_better=False, scale="log")
NORMALS = Metric(id="normal-consistency@30k", higher_is_better=True)


def iou(both: int, either: int) -> float:
    """Return intersection over union from counts; 1 for two empty solids.

    >>> iou(3, 4), iou(0, 0)
    (0.75, 1.0)
    """
    return both / either if either else 1.0


def chamfer(forth: NDArray[np.floating], back: NDArray[np.floating]) -> float:
    """Return the Chamfer distance from the distances of each surface's samples to the other surface: half the sum of the means.

    The distances are to the surface and not to samples of it, which would never come to nought.
    """
    return float(forth.mean() + back.mean()) / 2


def normal_consistency(pairs: list[tuple[NDArray[np.floating], NDArray[np.floating]]]) -> float:
    """Return the mean over directions of the mean |cos| between unit normals ``(N, 3)`` of samples and of what they met.

    >>> normal_consistency([(np.array([[0.0, 0.6, -0.8]]), np.array([[0.0, 0.0, 1.0]]))])
    0.8
    """
    return float(np.mean([np.abs(np.einsum("ij,ij->i", a, b)).mean() for a, b in pairs]))
