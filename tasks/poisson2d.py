"""poisson2d: u_xx + u_yy = f in a square, u known on its sides.

    sin6cos20   u = sin 6x cos 20x + sin 6y cos 20y on [0, 2 pi]^2
    sin100      u = sin 100x sin 100y on [0, 2 pi]^2
    ablation    u = sin(pi x) sin(10 pi y) on [0, 1]^2
    sin1sin2 .. sin1sin20   u = sin(pi x) sin(k pi y) on [0, 1]^2, k from 2 to 20
    peak        u = exp(-1000 ((x - 1/2)^2 + (y - 1/2)^2)) on [0, 1]^2
    wave-front  u = arctan(20 (r - 0.7)) on [0, 1]^2, r the distance to (-0.05, -0.05)

Tables 3 and 4 of Han et al., AAAI 2026, name a 2-D Poisson equation but do not print it. The first two signals are the problems
of its GP-HM baseline (Fang et al., ICLR 2024); the 7 % of a plain PINN in the table suggest the easier one. The text on the
ablation gives sin(pi x) sin(10 pi y) both as the source and as the basis of the exact solution; here it is the solution.
The signals ``sin1sin..`` were added for inrbench: within the quick protocol, a plain PINN solves ``sin1sin2`` and none of the
first three. ``peak`` and ``wave-front`` have no waves: they are the peak and the mild wave front of Mitchell, A Collection of
2D Elliptic Problems for Testing Adaptive Algorithms, NISTIR 7668, 2010, where adaptive meshes are compared.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from inrbench import Protocol, register_task
from inrbench.tasks._pde import EquationTask, lbfgs, paper, quick, standard

if TYPE_CHECKING:
    from inrbench.problems import Equation

Field = Callable[[np.ndarray], np.ndarray]
SETTINGS = {"residual_weight": "1/source", "condition_weight": 1.0, "test_grid": (300, 300)}


def sin6cos20(weight: float) -> "Equation":
    """Return the equation whose solution is a sum of two waves in x and two in y.

    They follow from sin 6x cos 20x = (sin 26x - sin 14x) / 2.
    """

    def wave(s: np.ndarray, order: int) -> np.ndarray:
        return (-1) ** (order // 2) * (26.0**order * np.sin(26 * s) - 14.0**order * np.sin(14 * s)) / 2

    return _poisson(
        (0, 2 * np.pi), lambda x: wave(x[:, 0], 0) + wave(x[:, 1], 0), lambda x: wave(x[:, 0], 2) + wave(x[:, 1], 2), weight
    )


def sin100(weight: float) -> "Equation":
    """Return the equation of the solution sin 100x sin 100y, the harder of the two in GP-HM."""

    def u(x: np.ndarray) -> np.ndarray:
        return np.sin(100 * x[:, 0]) * np.sin(100 * x[:, 1])

    return _poisson((0, 2 * np.pi), u, lambda x: -2e4 * u(x), weight)


def unit_square(waves: int, weight: float) -> "Equation":
    """Return the equation whose solution has one half wave along x and ``waves`` half waves along y (10 in table 4)."""

    def u(x: np.ndarray) -> np.ndarray:
        return np.sin(np.pi * x[:, 0]) * np.sin(waves * np.pi * x[:, 1])

    return _poisson((0, 1), u, lambda x: -(1 + waves**2) * np.pi**2 * u(x), weight)


def peak(weight: float) -> "Equation":
    """Return the equation whose solution is a narrow Gaussian in the middle of the unit square."""
    strength = 1000

    def squared_distance(x: np.ndarray) -> np.ndarray:
        return ((x[:, :2] - 0.5) ** 2).sum(axis=1)

    def u(x: np.ndarray) -> np.ndarray:
        return np.exp(-strength * squared_distance(x))

    return _poisson((0, 1), u, lambda x: 4 * strength * (strength * squared_distance(x) - 1) * u(x), weight)


def wave_front(weight: float) -> "Equation":
    """Return the equation whose solution rises from -pi/2 to pi/2 across a circular arc through the unit square."""
    steepness, radius = 20, 0.7

    def distance(x: np.ndarray) -> np.ndarray:
        return np.hypot(x[:, 0] + 0.05, x[:, 1] + 0.05)

    def u(x: np.ndarray) -> np.ndarray:
        return np.arctan(steepness * (distance(x) - radius))

    def source(x: np.ndarray) -> np.ndarray:
        r = distance(x)
        s = steepness * (r - radius)
        return steepness / (1 + s**2) / r - 2 * steepness**2 * s / (1 + s**2) ** 2

    return _poisson((0, 1), u, source, weight)


def _poisson(
    side: tuple[float, float], exact: Callable[..., np.ndarray], source: Callable[..., np.ndarray], weight: float
) -> "Equation":
    from inrbench.problems import Condition, Equation

    return Equation(
        box=(side, side),
        residual=lambda u: u.second[0],
        source=source,
        exact=exact,
        conditions=(Condition.around(weight),),
        second=((0, 1),),
    )


@register_task("poisson2d")
class Poisson2d(EquationTask):
    """Poisson's equation."""

    equations: ClassVar[Mapping[str, Callable[[float], "Equation"]]] = {
        "sin6cos20": sin6cos20,
        "sin100": sin100,
        "ablation": partial(unit_square, 10),
        **{f"sin1sin{k}": partial(unit_square, k) for k in (2, 3, 5, 7, 14, 20)},
        "peak": peak,
        "wave-front": wave_front,
    }
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": paper(
            **SETTINGS,
            sources={
                "residual_weight": "one over the mean square of the source, inrbench's choice: "
                "equation and boundary have similar weight",
                "test_grid": "300x300, GP-HM's code",
            },
        ),
        "standard": standard(**{**SETTINGS, "condition_weight": 10.0}),
        "lbfgs": lbfgs(**{**SETTINGS, "condition_weight": 10.0}),
        "quick": quick(epochs=2000, **{**SETTINGS, "condition_weight": 10.0, "test_grid": (100, 100)}),
    }
    tuning_split = ("poisson2d", ("sin1sin3", "sin1sin7", "ablation"))
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "paper": ("sin6cos20",),
        "standard": ("sin1sin2", "sin1sin5", "sin1sin14", "sin1sin20", "sin6cos20", "peak", "wave-front"),
    }
