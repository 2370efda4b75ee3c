"""Render a mesh without a GPU: sample many points of its surface, and show the nearest one in each pixel."""

import numpy as np
from numpy.typing import NDArray

from inrbench.data.mesh import Mesh, sample_surface

POINTS_PER_PIXEL = 5
SPLAT = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Offsets of the pixels that one point covers, so that there are no gaps between points."""
SEED = 0
LIGHT = np.array([-0.4, 0.5, 0.77])
COLOUR = np.array([0.62, 0.74, 0.88])


def render(mesh: Mesh, size: int = 320, half_width: float = 1.2, turn: float = 25.0, tilt: float = 15.0) -> NDArray[np.float64]:
    """Return an orthographic view ``(size, size, 3)`` of a mesh in [0, 1], on a white background, with y upwards.

    The mesh is lit from the left. Points are drawn uniformly, so a mesh of millions of faces costs no more than a small one.

    Args:
        mesh: The mesh.
        size: Side of the image in pixels.
        half_width: The view shows the square [-half_width, half_width]^2.
        turn: Rotation about the vertical axis in degrees.
        tilt: Rotation about the horizontal axis in degrees, after ``turn``.
    """
    points, normals = sample_surface(mesh, POINTS_PER_PIXEL * size * size, SEED)
    view = _rotation(turn, tilt)
    points, normals = points @ view.T, normals @ view.T
    order = np.argsort(points[:, 2])  # the nearest point is painted last
    column, row = (size / 2 * (1 + points[order, :2] * (1, -1) / half_width)).astype(int).T
    facing = np.where(normals[order, 2:] < 0, -normals[order], normals[order])
    shade = (0.25 + 0.75 * (facing @ LIGHT).clip(0))[:, None] * COLOUR
    image = np.ones((size + 1, size + 1, 3))
    inside = (column >= 0) & (row >= 0) & (column < size) & (row < size)
    covered = np.stack([(row[inside] + down) * (size + 1) + column[inside] + right for down, right in SPLAT], axis=1)
    image.reshape(-1, 3)[covered.ravel()] = np.repeat(shade[inside], len(SPLAT), axis=0)
    return image[:size, :size]


def _rotation(turn: float, tilt: float) -> NDArray[np.float64]:
    (c, s), (d, t) = ((np.cos(a), np.sin(a)) for a in np.radians((turn, tilt)))
    around_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    around_x = np.array([[1, 0, 0], [0, d, -t], [0, t, d]])
    return np.asarray(around_x @ around_y)
