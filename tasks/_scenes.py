"""Procedural scenes of the task radiance: balls, boxes and columns with textures, rendered exactly by intersecting rays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inrbench.data.cameras import Camera, Scene, View, around, looking_at_origin

Array = NDArray[np.float64]
RADIUS = 1.0
"""Radius of the ball around the origin in which every scene lies."""
DISTANCE = 3.0
"""Distance of the cameras from the origin."""
FIELD_OF_VIEW = 0.72
"""Angle of view in radians: the ball fills the picture."""
LIGHT = np.array((0.4, -0.5, 0.77))
TRAINING_VIEWS, TEST_VIEWS = 24, 8


@dataclass(frozen=True)
class Solid:
    """A ball, a box or an upright column with a texture.

    Args:
        kind: ``ball``, ``box`` or ``column``.
        centre: Its centre.
        size: Radius of a ball; half sides of a box; radius, unused, and half height of a column.
        colours: The two colours of the texture.
        waves: Frequency of the texture along each axis, in radians per unit.
        gloss: Strength of the highlight.
    """

    kind: str
    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    colours: tuple[tuple[float, float, float], tuple[float, float, float]]
    waves: tuple[float, float, float]
    gloss: float

    def meet(self, origins: Array, directions: Array) -> tuple[Array, Array]:
        """Return the distances ``(N,)`` along rays to the surface, infinite for a miss, and the outward normals ``(N, 3)``."""
        local = origins - np.array(self.centre)
        if self.kind == "ball":
            return _meet_ball(local, directions, self.size[0])
        return _meet_box(local, directions, self.size) if self.kind == "box" else _meet_column(local, directions, self.size)

    def colour(self, points: Array) -> Array:
        """Return the texture's colour ``(N, 3)`` at points."""
        phase = (
            np.sin(points[:, 0] * self.waves[0])
            * np.sin(points[:, 1] * self.waves[1] + 1)
            * np.sin(points[:, 2] * self.waves[2] + 2)
        )
        share = 1 / (1 + np.exp(-12 * phase))[:, None]
        first, second = map(np.array, self.colours)
        mixed: Array = first * share + second * (1 - share)
        return mixed


def _meet_ball(local: Array, directions: Array, radius: float) -> tuple[Array, Array]:
    along = (local * directions).sum(1)
    root = along**2 - (local**2).sum(1) + radius**2
    distance = np.where(root > 0, -along - np.sqrt(root.clip(0)), np.inf)
    distance = np.where(distance > 1e-6, distance, np.inf)
    reached = local + np.where(np.isfinite(distance), distance, 0)[:, None] * directions
    return distance, reached / radius


def _meet_box(local: Array, directions: Array, half: Sequence[float]) -> tuple[Array, Array]:
    safe = np.where(np.abs(directions) < 1e-12, 1e-12, directions)
    near, far = (-np.sign(safe) * np.array(half) - local) / safe, (np.sign(safe) * np.array(half) - local) / safe
    axis = near.argmax(1)
    enter, leave = near.max(1), far.min(1)
    distance = np.where((enter < leave) & (enter > 1e-6), enter, np.inf)
    normals = np.zeros_like(directions)
    rows = np.arange(len(normals))
    normals[rows, axis] = -np.sign(safe[rows, axis])
    return distance, normals


def _meet_column(local: Array, directions: Array, size: Sequence[float]) -> tuple[Array, Array]:
    radius, _, half = size
    a = (directions[:, :2] ** 2).sum(1).clip(1e-12)
    b, c = (local[:, :2] * directions[:, :2]).sum(1), (local[:, :2] ** 2).sum(1) - radius**2
    root = b**2 - a * c
    side = np.where(root > 0, (-b - np.sqrt(root.clip(0))) / a, np.inf)
    at_side = local + np.where(np.isfinite(side), side, 0)[:, None] * directions
    side = np.where((side > 1e-6) & (np.abs(at_side[:, 2]) <= half), side, np.inf)
    down = np.where(np.abs(directions[:, 2]) < 1e-12, 1e-12, directions[:, 2])
    cap = (-np.sign(down) * half - local[:, 2]) / down
    at_cap = local + cap[:, None] * directions
    cap = np.where((cap > 1e-6) & ((at_cap[:, :2] ** 2).sum(1) <= radius**2), cap, np.inf)
    normals = np.where(
        (side < cap)[:, None],
        at_side * np.array((1 / radius, 1 / radius, 0.0)),
        np.stack((np.zeros_like(down), np.zeros_like(down), -np.sign(down)), axis=1),
    )
    return np.minimum(side, cap), normals


def render(solids: Sequence[Solid], camera: Camera) -> View:
    """Return the view of solids: texture, diffuse light, shadow and highlight, on a white background."""
    origins, directions = camera.rays()
    distance, normals, which = _first(solids, origins, directions)
    hit = np.isfinite(distance)
    points = origins[hit] + distance[hit, None] * directions[hit]
    normals, which, seen = normals[hit], which[hit], directions[hit]
    light = LIGHT / np.linalg.norm(LIGHT)
    shadow = np.isfinite(_first(solids, points + 1e-4 * normals, np.broadcast_to(light, points.shape))[0])
    diffuse = np.where(shadow, 0.0, (normals @ light).clip(0))
    mirrored = seen - 2 * (seen * normals).sum(1, keepdims=True) * normals
    highlight = np.where(shadow, 0.0, (mirrored @ light).clip(0) ** 8)
    colour = np.ones((len(origins), 3))
    shaded = np.empty_like(points)
    for number, solid in enumerate(solids):
        mine = which == number
        shaded[mine] = solid.colour(points[mine]) * (0.35 + 0.65 * diffuse[mine, None]) + solid.gloss * highlight[mine, None]
    colour[hit] = shaded.clip(0, 1)
    shape = (camera.height, camera.width)
    return View(camera, colour.reshape(*shape, 3).astype(np.float32), distance.reshape(shape).astype(np.float32))


def _first(solids: Sequence[Solid], origins: Array, directions: Array) -> tuple[Array, Array, NDArray[np.int64]]:
    """Return distance, normal and number of the first solid that each ray meets."""
    distance, which = np.full(len(origins), np.inf), np.zeros(len(origins), dtype=np.int64)
    normals = np.zeros_like(origins)
    for number, solid in enumerate(solids):
        here, normal = solid.meet(origins, directions)
        nearer = here < distance
        distance[nearer], normals[nearer], which[nearer] = here[nearer], normal[nearer], number
    return distance, normals, which


def solids_of(seed: int, balls: int, boxes: int, columns: int) -> tuple[Solid, ...]:
    """Return random solids, the same for the same arguments.

    Args:
        seed: Seed of the random numbers.
        balls: Number of balls.
        boxes: Number of boxes.
        columns: Number of columns.
    """
    draw = np.random.default_rng(seed)
    kinds = ["ball"] * balls + ["box"] * boxes + ["column"] * columns
    largest = min(0.42, 1.0 / len(kinds) ** 0.45)
    found = []
    for kind in kinds:
        size = tuple(float(s) for s in draw.uniform(0.45, 1.0, 3) * largest)
        reach = RADIUS - float(np.linalg.norm(size))
        centre = draw.normal(size=3)
        centre *= reach * draw.uniform(0.4, 1.0) / np.linalg.norm(centre)
        colours = tuple(tuple(float(c) for c in draw.uniform(0.05, 0.95, 3)) for _ in range(2))
        waves = tuple(float(w) for w in draw.uniform(4, 22, 3))
        found.append(Solid(kind, tuple(float(c) for c in centre), size, colours, waves, float(draw.uniform(0, 0.5))))  # type: ignore[arg-type]
    return tuple(found)


SCENES: Mapping[str, tuple[int, int, int, int]] = {
    "balls": (1, 9, 0, 0),
    "boxes": (2, 0, 8, 0),
    "columns": (3, 0, 0, 8),
    "mixed": (4, 3, 3, 3),
    "crowd": (5, 14, 8, 8),
    "few": (6, 1, 2, 1),
    "mixed-1": (7, 3, 3, 3),
    "mixed-2": (8, 4, 2, 3),
    "mixed-3": (9, 2, 4, 2),
}
"""Name -> seed, and numbers of balls, boxes and columns."""


def scene(name: str, side: int) -> Scene:
    """Return the training and test views of a scene, ``side`` pixels square."""
    solids = solids_of(*SCENES[name])
    focal = side / (2 * np.tan(FIELD_OF_VIEW / 2))
    views = [
        tuple(
            render(solids, Camera(looking_at_origin(position), focal, side, side))
            for position in around(count, DISTANCE, start)
        )
        for count, start in ((TRAINING_VIEWS, 0.0), (TEST_VIEWS, 0.7))
    ]
    return Scene(views[0], views[1], RADIUS)
