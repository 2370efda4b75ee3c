"""function1d: functions of one variable on [-1, 1], from a single frequency to a mixture of many.

    multiscale   0.5 sin 2x + sin(100x + 1.5) cos(5x - 0.8) + cos 200x cos x + sin(300x + 0.3) sin 5x
    sin200, sin500, sin1000   sin 200x, sin 500x, sin 1000x

The 1-D task of Han et al., AAAI 2026 (figure 2), and of its official code, which adds the three sines. Points are drawn once
from the uniform distribution. The paper reports the error on those points only; here the error on a dense grid between them is
reported as well.
"""

from collections.abc import Callable, Mapping
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


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "multiscale": multiscale,
    "sin200": lambda x: np.sin(200 * x),
    "sin500": lambda x: np.sin(500 * x),
    "sin1000": lambda x: np.sin(1000 * x),
}
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
QUICK = Protocol(
    name="quick",
    width=128,
    n_layers=4,
    epochs=600,
    lr=1e-3,
    lr_min=1e-6,
    schedule="cosine",
    metrics=METRIC_IDS,
    settings=FunctionSettings(points=dict.fromkeys(FUNCTIONS, 1024)),
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
    protocols: ClassVar[Mapping[str, Protocol]] = {"paper": PAPER, "quick": QUICK}
    tuning_split = ("function1d", ("sin500", "sin1000"))
    tuning_metric = "mse@dense-20001"
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {"quick": ("multiscale", "sin200"), "paper": ("multiscale",)}

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
        return ProblemSize(1, 1, protocol.settings_as(FunctionSettings).points[signal])

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Draw the points and evaluate the function there.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Seed of the points.
        """
        from inrbench.problems import function_problem

        points = protocol.settings_as(FunctionSettings).points[signal]
        return function_problem(self.function(signal), points, data_seed, protocol)
