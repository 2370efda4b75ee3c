"""Similarity of two solids: by their voxels, at random points, and by the distance between their surfaces."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inrbench.spec import Metric


@dataclass(frozen=True)
class Overlap:
    """Counts of points that are inside both solids, and inside at least one."""

    both: int
    either: int

    def __add__(self, other: "Overlap") -> "Overlap":
        """Return the overlap at the points of both."""
        return Overlap(self.both + other.both, self.either + other.either)


@dataclass(frozen=True)
class SurfaceComparison:
    """Samples of two surfaces, each compared with the other surface.

    Args:
        forth: Distances of the first surface's samples to the second surface.
        back: Distances of the second surface's samples to the first surface.
        normals: For each of the two directions, unit normals ``(N, 3)`` of the samples and of the nearest points.
    """

    forth: NDArray[np.floating]
    back: NDArray[np.floating]
    normals: tuple[tuple[NDArray[np.floating], NDArray[np.floating]], ...]


def iou(overlap: Overlap) -> float:
    """Return intersection over union; 1 for two empty solids.

    >>> iou(Overlap(3, 4)), iou(Overlap(0, 0))
    (0.75, 1.0)
    """
    return overlap.both / overlap.either if overlap.either else 1.0


def chamfer(surfaces: SurfaceComparison) -> float:
    """Return the Chamfer distance: half the sum of the mean distances of each surface's samples to the other surface.

    The distances are to the surface itself and not to samples of it, so that two equal surfaces have distance 0.
    """
    return float(surfaces.forth.mean() + surfaces.back.mean()) / 2


def normal_consistency(surfaces: SurfaceComparison) -> float:
    """Return the mean |cos| between the normals of samples and of their nearest points, averaged over both directions.

    >>> normals = (np.array([[0.0, 0.6, -0.8]]), np.array([[0.0, 0.0, 1.0]]))
    >>> normal_consistency(SurfaceComparison(np.zeros(1), np.zeros(1), (normals,)))
    0.8
    """
    return float(np.mean([np.abs(np.einsum("ij,ij->i", a, b)).mean() for a, b in surfaces.normals]))


IOU_GRID = Metric(id="iou@grid", title="IoU", higher_is_better=True, compute=iou, needs=("grid_overlap",))
IOU_RANDOM = Metric(
    id="iou-random@100k", title="IoU at random points", higher_is_better=True, compute=iou, needs=("random_overlap",)
)
IOU_OFFICIAL = Metric(
    id="iou@official-training-outputs", title="IoU", higher_is_better=True, compute=iou, needs=("training_overlap",)
)
MSE_GRID = Metric(
    id="distance-mse@grid",
    title="MSE of the distance",
    higher_is_better=False,
    scale="log",
    compute=float,
    needs=("fitted_mse",),
)
CHAMFER = Metric(
    id="chamfer@l1-point-to-surface-30k",
    title="Chamfer",
    higher_is_better=False,
    scale="log",
    compute=chamfer,
    needs=("surfaces",),
)
NORMALS = Metric(
    id="normal-consistency@30k",
    title="normal consistency",
    higher_is_better=True,
    compute=normal_consistency,
    needs=("surfaces",),
)
