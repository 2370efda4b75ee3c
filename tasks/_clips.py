"""Procedural clips of the task video, defined at every time and every resolution.

Each function takes the time as a share of ``PERIOD`` frames, and the positions ``(x, y)`` of the pixels, x in [-16/9, 16/9] and
y in [-1, 1], each ``(H, W)``. It returns colours ``(H, W, 3)`` in about [0, 1].
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inrbench.data import Frames, read_image
from inrbench.errors import DataMissing

Array = NDArray[np.float64]
PERIOD = 100
"""Number of frames of one unit of time, in which the discs of ``orbits`` turn once."""
EDGE = 0.015
"""Width of the transition at an edge."""


def frames(name: str, n_frames: int, height: int, width: int) -> Frames:
    """Return the first frames ``(T, H, W, 3)`` of a clip.

    Args:
        name: Name of the clip.
        n_frames: Number of frames T.
        height: Rows H.
        width: Columns W.
    """
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-16 / 9, 16 / 9, width), indexing="ij")
    colours = (CLIPS[name](t / PERIOD, (x, y)) for t in range(n_frames))
    return np.stack([np.rint(colour.clip(0, 1) * 255).astype(np.uint8) for colour in colours])


def orbits(turn: float, at: tuple[Array, Array]) -> Array:
    """Return three discs with soft edges that orbit over a drifting pattern of stripes."""
    x, y = at
    drift = 2 * np.pi * turn
    stripes = np.sin(9 * x + 4 * y + 3 * drift) * np.sin(14 * y - 5 * x + 2 * drift)
    frame = np.stack([0.45 + 0.25 * stripes, 0.5 + 0.2 * np.cos(6 * x + drift), 0.55 - 0.25 * stripes * y], axis=-1)
    discs = ((0.9, 0.3, 0.0, (0.95, 0.75, 0.1)), (0.6, 0.22, 2.1, (0.85, 0.15, 0.2)), (0.35, 0.16, 4.2, (0.1, 0.2, 0.75)))
    for radius, size, phase, colour in discs:
        angle = drift + phase
        distance = np.hypot(x - 1.5 * radius * np.cos(angle), y - radius * np.sin(angle))
        frame = _painted(frame, distance - size, colour)
    return frame


def ripples(turn: float, at: tuple[Array, Array]) -> Array:
    """Return circular waves from two sources that move towards each other."""
    x, y = at
    phase = 2 * np.pi * turn
    left, right = np.hypot(x + 1.2 - turn, y - 0.3), np.hypot(x - 1.1 + turn, y + 0.4)
    wave = np.sin(18 * left - 4 * phase) / (1 + left) + np.sin(24 * right - 5 * phase) / (1 + right)
    return np.stack([0.5 + 0.28 * wave, 0.5 + 0.2 * wave * np.cos(2 * x), 0.55 - 0.25 * wave], axis=-1)


def spin(turn: float, at: tuple[Array, Array]) -> Array:
    """Return a chequered board that turns about the centre."""
    x, y = at
    angle = 0.5 * np.pi * turn
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    side = np.sin(5 * np.pi * u) * np.sin(5 * np.pi * v)
    cover = _inside(-side / (5 * np.pi))
    shade = 0.8 + 0.2 * y
    return np.stack([cover * shade, (0.25 + 0.5 * cover) * shade, (0.6 - 0.4 * cover) * shade], axis=-1)


def conveyor(turn: float, at: tuple[Array, Array]) -> Array:
    """Return rows of boxes that move at different speeds in both directions."""
    x, y = at
    frame = np.full((*x.shape, 3), 0.12)
    for row in range(6):
        centre, speed, size = -0.85 + 0.34 * row, (-1) ** row * (1 + row), 0.08 + 0.015 * row
        along = np.mod(x + speed * turn * 0.6 + 0.1 * row, 0.55) - 0.275
        box = np.maximum(np.abs(along) - 1.2 * size, np.abs(y - centre) - size)
        frame = _painted(frame, box, (0.2 + 0.13 * row, 0.9 - 0.12 * row, 0.3 + 0.1 * (row % 3)))
    return frame


def swarm(turn: float, at: tuple[Array, Array]) -> Array:
    """Return forty small discs on closed paths of different frequencies."""
    x, y = at
    draw = np.random.default_rng(40)
    frame = np.stack([0.9 - 0.1 * y, 0.9 - 0.05 * y, 0.85 + 0.1 * y], axis=-1)
    for _ in range(40):
        reach, phase = draw.uniform(0.2, 0.9, 2), draw.uniform(0, 2 * np.pi, 2)
        waves, colour = draw.integers(1, 4, 2), draw.uniform(0, 0.7, 3)
        u = 1.7 * reach[0] * np.sin(2 * np.pi * waves[0] * turn + phase[0])
        v = reach[1] * np.sin(2 * np.pi * waves[1] * turn + phase[1])
        frame = _painted(frame, np.hypot(x - u, y - v) - draw.uniform(0.04, 0.11), colour)
    return frame


def waves(turn: float, at: tuple[Array, Array]) -> Array:
    """Return sixty plane waves of random directions, frequencies and colours."""
    x, y = at
    draw = np.random.default_rng(60)
    frame = np.full((*x.shape, 3), 0.5)
    for _ in range(60):
        k, speed, phase = draw.normal(0, 9, 2), draw.normal(0, 2), draw.uniform(0, 2 * np.pi)
        frame += np.sin(k[0] * x + k[1] * y + 2 * np.pi * speed * turn + phase)[..., None] * draw.normal(0, 0.035, 3)
    return frame


def pan(turn: float, at: tuple[Array, Array]) -> Array:
    """Return a window that moves over scikit-image's astronaut."""
    x, y = at
    return _sampled("astronaut.png", 150 + 110 * y + 160 * turn, 256 + 110 * x + 40 * np.sin(4 * np.pi * turn))


def turn(turn: float, at: tuple[Array, Array]) -> Array:
    """Return scikit-image's cup of coffee, which turns and comes nearer."""
    x, y = at
    angle, size = 0.8 * np.pi * turn, 150 * (1 - 0.4 * turn)
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    return _sampled("coffee.png", 200 + size * v, 300 + size * u)


CLIPS: Mapping[str, Callable[[float, tuple[Array, Array]], Array]] = {
    "orbits": orbits,
    "pan": pan,
    "ripples": ripples,
    "spin": spin,
    "conveyor": conveyor,
    "swarm": swarm,
    "waves": waves,
    "turn": turn,
}


def _inside(distance: Array) -> Array:
    """Return 1 where a signed distance is negative, and 0 elsewhere, with a soft edge."""
    return 1 / (1 + np.exp((distance / EDGE).clip(-60, 60)))


def _painted(frame: Array, distance: Array, colour: object) -> Array:
    """Return a frame with a colour inside a signed distance's zero level."""
    cover = _inside(distance)[..., None]
    return frame * (1 - cover) + np.array(colour) * cover


@cache
def _picture(file: str) -> Array:
    """Return a photograph of scikit-image's wheel. Raises DataMissing if it is not there."""
    package = util.find_spec("skimage")
    path = Path(package.origin).parent / "data" / file if package and package.origin else Path(file)
    if not path.is_file():
        raise DataMissing(f"data missing: scikit-image's wheel has no {file}, run: pip install --force-reinstall scikit-image")
    return read_image(path).astype(np.float64)


def _sampled(file: str, rows: Array, columns: Array) -> Array:
    """Return a photograph's colours at positions in pixels, by linear interpolation; mirrored beyond its edges."""
    from scipy.ndimage import map_coordinates

    picture = _picture(file)
    return np.stack([map_coordinates(c, [rows, columns], order=1, mode="mirror") for c in np.moveaxis(picture, 2, 0)], axis=-1)
