"""Procedural solids of the tasks on shapes, each a closed surface in one piece."""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from inrbench.data import Mesh, checked

Points = NDArray[np.float64]


@cache
def knot() -> Mesh:
    """Return a tube around a trefoil knot."""
    t = np.linspace(0, 2 * np.pi, 512, endpoint=False)[:, None]
    curve = np.hstack((np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)))
    along = np.hstack((np.cos(t) + 4 * np.cos(2 * t), -np.sin(t) + 4 * np.sin(2 * t), -3 * np.cos(3 * t)))
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    # a frame that closes after one turn: a direction that is never parallel to the curve, made perpendicular to it
    out = np.hstack((np.sin(2 * t), -np.cos(2 * t), np.zeros_like(t)))
    out -= (out * along).sum(1, keepdims=True) * along
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    return _tube(curve, out, np.cross(along, out), radius=0.42, across=32)


def _tube(curve: Points, out: Points, third: Points, radius: float, across: int) -> Mesh:
    """Return a closed tube around a closed curve.

    Args:
        curve: Points of the curve ``(N, 3)``.
        out: Unit vectors ``(N, 3)`` perpendicular to the curve.
        third: Unit vectors ``(N, 3)`` perpendicular to both.
        radius: Radius of the tube.
        across: Number of points around the tube.
    """
    around = len(curve)
    angle = np.linspace(0, 2 * np.pi, across, endpoint=False)[None, :, None]
    vertices = curve[:, None] + radius * (np.cos(angle) * out[:, None] + np.sin(angle) * third[:, None])
    i, j = np.meshgrid(np.arange(around), np.arange(across), indexing="ij")
    right, up = (i + 1) % around, (j + 1) % across
    a, b, c, d = (p * across + q for p, q in ((i, j), (right, j), (right, up), (i, up)))
    faces = np.stack((a, b, c, a, c, d), axis=-1).reshape(-1, 3)
    return checked(Mesh(vertices.reshape(-1, 3), faces.astype(np.int64)))


@cache
def gyroid() -> Mesh:
    """Return a sheet of finite thickness around a gyroid, inside a ball."""
    line = np.linspace(-1.05, 1.05, 65)
    x, y, z = np.meshgrid(line, line, line, indexing="ij")
    k = 2.5 * np.pi
    wave = np.sin(k * x) * np.cos(k * y) + np.sin(k * y) * np.cos(k * z) + np.sin(k * z) * np.cos(k * x)
    return _surface(np.maximum((np.abs(wave) - 0.55) / k, np.sqrt(x**2 + y**2 + z**2) - 1), line)


@cache
def blobs() -> Mesh:
    """Return eight balls that merge into one another."""
    line = np.linspace(-1.2, 1.2, 97)
    at = np.stack(np.meshgrid(line, line, line, indexing="ij"))
    draw = np.random.default_rng(8)
    field = np.ones(at.shape[1:])
    for centre, radius in zip(draw.uniform(-0.6, 0.6, (8, 3)), draw.uniform(0.35, 0.55, 8), strict=True):
        field -= np.exp(1 - 2 * np.square(at - centre[:, None, None, None]).sum(axis=0) / radius**2)
    return _surface(field, line)


@cache
def star() -> Mesh:
    """Return a ball with waves along both angles."""
    line = np.linspace(-1.3, 1.3, 97)
    x, y, z = np.meshgrid(line, line, line, indexing="ij")
    radius = np.sqrt(x**2 + y**2 + z**2)
    height = z / radius.clip(1e-9)
    return _surface(radius - 0.85 - 0.25 * np.sin(6 * np.arctan2(y, x)) * (1 - height**2) - 0.1 * np.cos(8 * height), line)


@cache
def spring() -> Mesh:
    """Return a coil of five turns around a torus."""
    t = np.linspace(0, 2 * np.pi, 1024, endpoint=False)[:, None]
    curve = np.hstack(((1 + 0.45 * np.cos(5 * t)) * np.cos(t), (1 + 0.45 * np.cos(5 * t)) * np.sin(t), 0.45 * np.sin(5 * t)))
    along = np.roll(curve, -1, axis=0) - np.roll(curve, 1, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    out = np.hstack((np.cos(5 * t) * np.cos(t), np.cos(5 * t) * np.sin(t), np.sin(5 * t)))  # from the torus' core
    out -= (out * along).sum(1, keepdims=True) * along
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    return _tube(curve, out, np.cross(along, out), radius=0.16, across=24)


@cache
def sponge() -> Mesh:
    """Return a Menger sponge of two generations: 400 cubes of 9 x 9 x 9."""
    kept = np.ones((1, 1, 1), dtype=bool)
    hole = np.ones((3, 3, 3), dtype=bool)
    hole[1, 1, :] = hole[1, :, 1] = hole[:, 1, 1] = False
    for _ in range(2):
        kept = np.kron(hole, kept).astype(bool)
    return _cubes(kept)


def _surface(field: NDArray[np.float64], line: NDArray[np.float64]) -> Mesh:
    """Return the surface of a solid from a field ``(N, N, N)`` that is negative inside.

    Args:
        field: Values on a cubic grid.
        line: Positions along each axis, evenly spaced.
    """
    from skimage.measure import marching_cubes

    vertices, faces, _, _ = marching_cubes(field, 0.0, spacing=(line[1] - line[0],) * 3, gradient_direction="ascent")
    return checked(Mesh(vertices.astype(np.float64), faces.astype(np.int64)))


def _cubes(kept: NDArray[np.bool_]) -> Mesh:
    """Return the boundary of a set of unit cubes as triangles that face outwards."""
    padded = np.pad(kept, 1)
    quads = []
    for axis in range(3):
        for side in (0, 1):
            step = 2 * side - 1
            open_face = padded & ~np.roll(padded, -step, axis=axis)
            at = np.argwhere(open_face) - 1
            u, v = np.eye(3, dtype=np.int64)[[(axis + 1) % 3, (axis + 2) % 3]]
            corner = at + side * np.eye(3, dtype=np.int64)[axis]
            corners = [corner, corner + u, corner + u + v, corner + v]
            quads.append(np.stack(corners if side else corners[::-1], axis=1))
    vertices, index = np.unique(np.concatenate(quads).reshape(-1, 3), axis=0, return_inverse=True)
    a, b, c, d = index.reshape(-1, 4).T
    faces = np.concatenate((np.stack((a, b, c), axis=1), np.stack((a, c, d), axis=1)))
    return checked(Mesh(vertices.astype(np.float64), faces.astype(np.int64)))


SOLIDS: Mapping[str, Callable[[], Mesh]] = {
    "knot": knot,
    "gyroid": gyroid,
    "sponge": sponge,
    "spring": spring,
    "blobs": blobs,
    "star": star,
}
