"""function1d: functions of one variable on [-1, 1], from a single frequency to a mixture of many.

    multiscale   0.5 sin 2x + sin(100x + 1.5) cos(5x - 0.8) + cos 200x cos x + sin(300x + 0.3) sin 5x
    sin200, sin500, sin1000   sin 200x, sin 500x, sin 1000x
    blocks, bumps, heavisine, doppler   steps, spikes, a sine with two jumps, and a sine whose frequency falls
    chirp                     sin 20(x + 1.2)^3, from 2 to 290 rad per unit
    weierstrass               sum over k = 0 .. 5 of cos(3^k pi x) / 2^k

The first is the 1-D task of Han et al., AAAI 2026 (figure 2); the three sines are in its official code. The next four are the
test functions of Donoho and Johnstone, Biometrika 81(3), 1994, scaled to about [-1, 1]. Points are drawn once from the uniform
distribution. The paper reports the error on those points only; here the error on a dense grid between them is reported as well,
and ranks the methods in the protocol ``standard``: a network can fit 1,024 values and be wrong between them.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from inrbench import Protocol, Task, register_task
from inrbench.errors import unknown_name
from inrbench.metrics.error import MEDIAN_DENSE, MSE_DENSE, MSE_TRAIN
from inrbench.registry import ProblemSize
from inrbench.settings import FunctionSettings
from inrbench.spec import digest

if TYPE_CHECKING:
    from inrbench.problems import Problem

Array = NDArray[np.float64]


def multiscale(x: Array) -> Array:
    """Return the paper's function y_4 at ``x``, an array of any shape."""
    return (
        0.5 * np.sin(2 * x)
        + np.sin(100 * x + 1.5) * np.cos(5 * x - 0.8)
        + np.cos(200 * x) * np.cos(x)
        + np.sin(300 * x + 0.3) * np.sin(5 * x)
    )


JUMPS = np.array((0.1, 0.13, 0.15, 0.23, 0.25, 0.4, 0.44, 0.65, 0.76, 0.78, 0.81))
"""Positions in [0, 1] of the steps of ``blocks`` and the spikes of ``bumps``."""
STEPS = np.array((4, -5, 3, -4, 5, -4.2, 2.1, 4.3, -3.1, 2.1, -4.2))
SPIKES = np.array((4, 5, 3, 4, 5, 4.2, 2.1, 4.3, 3.1, 5.1, 4.2))
SPIKE_WIDTHS = np.array((0.005, 0.005, 0.006, 0.01, 0.01, 0.03, 0.01, 0.01, 0.005, 0.008, 0.005))


def blocks(x: Array) -> Array:
    """Return eleven steps at ``x``, an array of any shape."""
    since: Array = (x[..., None] + 1) / 2 - JUMPS
    return np.heaviside(since, 0.5) @ STEPS / 5


def bumps(x: Array) -> Array:
    """Return eleven spikes of different widths at ``x``, an array of any shape."""
    away: Array = np.abs((x[..., None] + 1) / 2 - JUMPS) / SPIKE_WIDTHS
    return (1 + away) ** -4.0 @ SPIKES / 5


def heavisine(x: Array) -> Array:
    """Return a sine with two jumps at ``x``, an array of any shape."""
    t = (x + 1) / 2
    return (4 * np.sin(4 * np.pi * t) - np.sign(t - 0.3) - np.sign(0.72 - t)) / 6


def doppler(x: Array) -> Array:
    """Return a sine whose frequency falls at ``x``, an array of any shape."""
    t = (x + 1) / 2
    return 2 * np.sqrt((t * (1 - t)).clip(0)) * np.sin(2 * np.pi * 1.05 / (t + 0.05))


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "multiscale": multiscale,
    "sin200": lambda x: np.sin(200 * x),
    "sin500": lambda x: np.sin(500 * x),
    "sin1000": lambda x: np.sin(1000 * x),
    "blocks": blocks,
    "bumps": bumps,
    "heavisine": heavisine,
    "doppler": doppler,
    "chirp": lambda x: np.sin(20 * (x + 1.2) ** 3),
    "weierstrass": lambda x: np.sum([0.5**k * np.cos(3**k * np.pi * x) for k in range(6)], axis=0),
}
DEFAULT_POINTS = 1024
"""Points of a function that the protocol's ``points`` does not name."""
METRIC_IDS = (MSE_TRAIN.id, MSE_DENSE.id, MEDIAN_DENSE.id)

PAPER = Protocol(
    name="paper",
    width=256,
    n_layers=4,
    epochs=10_000,
    lr=1e-4,
    lr_min=1e-7,
    schedule="cosine",
    metrics=METRIC_IDS,
    settings=FunctionSettings(points={"multiscale": 1024, "sin200": 4000, "sin500": 5000, "sin1000": 8000}),
    sources={
        "width, n_layers, lr, schedule, epochs": "paper, section on 1-D fitting; configs/curvefit_multiscale.yaml agrees",
        "points": "multiscale: paper; the sines: official configs (the paper does not use them)",
        "batch": "full batch, official code",
        "metrics": "the paper reports the training error; the dense grid is inrbench's choice",
    },
)
STANDARD = replace(
    PAPER,
    name="standard",
    width=128,
    metrics=(MSE_DENSE.id, MSE_TRAIN.id, MEDIAN_DENSE.id),
    settings=FunctionSettings(points={}),
    sources={
        "epochs, lr, lr_min, schedule, n_layers": "the protocol 'paper': 10,000 steps on all points",
        "width": "128, inrbench's choice: a quarter of the cost of the paper's 256",
        "points": "1,024 for each function, as in 'paper' for multiscale",
        "budget": "10,000 steps x 1,024 points: about a minute of one core per run",
        "metrics": "those of 'paper', ranked by the error between the points",
    },
)
QUICK = Protocol(
    name="quick",
    width=128,
    n_layers=4,
    epochs=600,
    lr=1e-3,
    lr_min=1e-6,
    schedule="cosine",
    metrics=METRIC_IDS,
    settings=FunctionSettings(points=dict.fromkeys(("multiscale", "sin200", "sin500", "sin1000"), 1024)),
    sources={
        "all": "inrbench's choice: takes seconds on a laptop CPU. A short schedule reverses rankings. "
        "It does not reproduce any paper"
    },
)


@register_task("function1d")
class Function1d(Task):
    """Functions of one variable."""

    kind = "function"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    protocols: ClassVar[Mapping[str, Protocol]] = {"paper": PAPER, "standard": STANDARD, "quick": QUICK}
    tuning_split = ("function1d", ("sin200", "sin500", "heavisine"))
    tuning_metric = MSE_DENSE.id
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "quick": ("multiscale", "sin200"),
        "paper": ("multiscale",),
        "standard": ("multiscale", "blocks", "bumps", "doppler", "chirp", "weierstrass"),
    }

    def signals(self) -> tuple[str, ...]:
        """Return the functions' names."""
        return tuple(FUNCTIONS)

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the function's values at 101 points, rounded so that platforms agree."""
        x = np.linspace(-1, 1, 101)
        return digest([round(float(y), 9) + 0.0 for y in self.function(signal)(x)])

    def function(self, signal: str) -> Callable[[Array], Array]:
        """Return a function by name. Raises UnknownName."""
        if signal not in FUNCTIONS:
            raise unknown_name("signal of task 'function1d'", signal, FUNCTIONS)
        return FUNCTIONS[signal]

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the problem size: one coordinate, one value, and the protocol's number of points."""
        return ProblemSize(1, 1, protocol.settings_as(FunctionSettings).points.get(signal, DEFAULT_POINTS))

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Draw the points and evaluate the function there.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Seed of the points.
        """
        from inrbench.problems import function_problem

        points = self.size(signal, protocol).n_points
        return function_problem(self.function(signal), points, data_seed, protocol)
