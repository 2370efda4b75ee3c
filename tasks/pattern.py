"""pattern: made pictures whose content in frequencies is known.

    noise-5 .. noise-90   noise with all frequencies up to a share of the fitted grid's Nyquist frequency: 5 to 90 %
    star                  a Siemens star: 36 spokes, whose frequency rises towards the centre without limit
    discs                 forty discs on a black ground: few edges, at all frequencies
    zone                  a zone plate: rings whose frequency rises linearly to the Nyquist frequency at the edges
    stripes               stripes of four directions and frequencies, with sharp edges

Pictures are 256x256, in grey, and are fitted at 128x128. The primary metric against the bandwidth of the noise shows where a
network's capacity or its frequencies end (INR-benchmark of voilalab has signals of these kinds). The protocols are those of
kodak.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from inrbench import Protocol, Task, register_task
from inrbench.data import fitted_shape
from inrbench.errors import unknown_name
from inrbench.registry import ProblemSize
from inrbench.settings import ImageSettings
from inrbench.spec import digest
from inrbench.tasks.kodak import PAPER, QUICK, STANDARD

if TYPE_CHECKING:
    from inrbench.problems import Problem

Array = NDArray[np.float64]
SIDE = 256
NYQUIST = SIDE // 4
"""Waves across the fitted picture, which has half of the rows and columns, at its Nyquist frequency."""
BANDWIDTHS = (5, 10, 20, 30, 40, 60, 75, 90)
"""Bandwidths of the noise in percent of the Nyquist frequency."""
MADE_VERSION = 1


def noise(percent: int) -> Array:
    """Return noise whose highest frequency is a share of the Nyquist frequency in every direction."""
    waves = np.fft.fftfreq(SIDE, 1 / SIDE)
    kept = np.hypot(waves, waves[:, None]) <= NYQUIST * percent / 100
    white = np.random.default_rng(percent).standard_normal((SIDE, SIDE))
    picture: Array = np.fft.ifft2(np.fft.fft2(white) * kept).real
    return (picture - picture.min()) / (picture.max() - picture.min())


def _positions() -> tuple[Array, Array]:
    axis = (np.arange(4 * SIDE) + 0.5) / (2 * SIDE) - 1
    x, y = np.meshgrid(axis, axis)
    return x, y


def _means(picture: Array) -> Array:
    """Return the means of 4 x 4 points."""
    means: Array = picture.reshape(SIDE, 4, SIDE, 4).mean(axis=(1, 3))
    return means


def star() -> Array:
    """Return a Siemens star of 36 spokes."""
    x, y = _positions()
    return _means((np.sin(36 * np.arctan2(y, x)) > 0) * (np.hypot(x, y) < 0.95) * 1.0)


def discs() -> Array:
    """Return forty discs of different sizes and values on a black ground."""
    x, y = _positions()
    draw = np.random.default_rng(40)
    picture = np.zeros_like(x)
    for _ in range(40):
        centre, radius = draw.uniform(-0.9, 0.9, 2), np.exp(draw.uniform(np.log(0.02), np.log(0.15)))
        picture[np.hypot(x - centre[0], y - centre[1]) < radius] = draw.uniform(0.3, 1.0)
    return _means(picture)


def zone() -> Array:
    """Return a zone plate whose rings have the Nyquist frequency at the edges: the phase is pi NYQUIST r^2 / 2."""
    x, y = _positions()
    return _means(0.5 + 0.5 * np.cos(np.pi * NYQUIST / 2 * (x**2 + y**2)))


def stripes() -> Array:
    """Return stripes of another direction and frequency in each quarter."""
    x, y = _positions()
    quarter = (x > 0) * 2 + (y > 0)
    directions = ((1.0, 0.2, 6), (0.3, 1.0, 12), (0.7, -0.7, 20), (1.0, 1.0, 32))
    picture = np.zeros_like(x)
    for number, (u, v, waves) in enumerate(directions):
        inside = quarter == number
        picture[inside] = np.sin(np.pi * waves * (u * x + v * y))[inside] > 0
    return _means(picture)


MADE: Mapping[str, Callable[[], Array]] = {
    **{f"noise-{percent}": partial(noise, percent) for percent in BANDWIDTHS},
    "star": star,
    "discs": discs,
    "zone": zone,
    "stripes": stripes,
}
SIZE = ImageSettings(coordinate_range=(0.0, 1.0), max_pixels=SIDE**2 // 4)


@register_task("pattern")
class Pattern(Task):
    """Made pictures."""

    kind = "image"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": replace(PAPER, sources={**PAPER.sources, "signals": "made for inrbench; no paper has them"}),
        "standard": replace(
            STANDARD,
            width=70,
            settings=SIZE,
            sources={
                **STANDARD.sources,
                "max_pixels": "128x128 of 256x256 pixels",
                "width": "15,191 parameters for 16,384 values, 0.93 per value",
                "budget": "1,500 steps x 16,384 points: about half a minute of one core per run",
            },
        ),
        "quick": replace(QUICK, settings=SIZE),
    }
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "standard": ("noise-5", "noise-10", "noise-20", "noise-40", "noise-60", "noise-90", "star", "discs")
    }
    tuning_split = ("pattern", ("noise-30", "noise-75", "stripes"))

    def signals(self) -> tuple[str, ...]:
        """Return the names of the pictures."""
        return tuple(MADE)

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the definition of a picture."""
        if signal not in MADE:
            raise unknown_name("signal of task 'pattern'", signal, MADE, "your own image: --tasks photo --signals ./mine.png")
        return digest({"pattern": signal, "side": SIDE, "version": MADE_VERSION})

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the size of the picture as the protocol fits it."""
        self.signal_sha256(signal)  # raises UnknownName
        height, width = fitted_shape((SIDE, SIDE), protocol.settings_as(ImageSettings).max_pixels)
        return ProblemSize(2, 1, height * width)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Make a picture. Nothing depends on the seed.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Not used.
        """
        from inrbench.problems import image_problem

        return image_problem(MADE[signal]().astype(np.float32)[..., None], protocol)
