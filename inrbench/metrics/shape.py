"""How alike two solids are: by their voxels, by random points, by the distance between their surfaces."""

import numpy as np
from numpy.typing import NDArray

from inrbench.spec import Metric

IOU_GRID = Metric(id="iou@grid", higher_is_better=True)
IOU_RANDOM = Metric(id="iou-between@random-100k", higher_is_better=True)
IOU_OFFICIAL = Metric(id="iou@official-training-outputs", higher_is_better=True)
CHAMFER = Metric(id="chamfer@l1-mean-100k", higher_is_better=False, scale="log")
NORMALS = Metric(id="normal-consistency@100k", higher_is_better=True)


def iou(both: int, either: int) -> float:
    """Return intersection over union from counts; 1 for two empty solids.

    >>> iou(3, 4), iou(0, 0)
    (0.75, 1.0)
    """
    return both / either if either else 1.0


def surface_distances(
    points: NDArray[np.floating], normals: NDArray[np.floating],
    true_points: NDArray[np.floating], true_normals: NDArray[np.floating],
) -> tuple[float, float]:  # fmt: skip
    """Return (Chamfer distance, normal consistency) of two sampled surfaces, each ``(N, 3)`` with unit normals.

    Chamfer: half the sum of the mean distances from each sample to the nearest of the other surface, in the points' units.
    Normal consistency: the mean of |cos| between the normals of those pairs, over both directions; 1 is best.
    """
    from scipy.spatial import KDTree

    forth, nearest_true = KDTree(true_points).query(points)
    back, nearest = KDTree(points).query(true_points)
    along = np.abs(np.einsum("ij,ij->i", normals, true_normals[nearest_true])).mean()
    against = np.abs(np.einsum("ij,ij->i", true_normals, normals[nearest])).mean()
    return float((forth.mean() + back.mean()) / 2), float((along + against) / 2)
