"""allen-cahn2d: u_xx + u_yy + u (u^2 - 1) = f in a square, u known on its sides.

    mix      u = p(x) p(y), p(s) = sin s + 0.1 sin 20s + cos 100s, on [0, 1]^2
    smooth   u = p(x) p(y), p(s) = sin pi s, on [0, 1]^2
    sin2 .. sin16   the same with p(s) = sin k pi s, k from 2 to 16

Table 3 of Han et al., AAAI 2026, names a 2-D Allen-Cahn equation but does not print it. ``mix`` is the problem of its GP-HM
baseline (Fang et al., ICLR 2024); the errors in the table are typical of a problem of this difficulty. ``smooth`` and ``sin..``
were added for inrbench: a plain PINN solves ``smooth`` within the quick protocol.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from inrbench import Protocol, register_task
from inrbench.tasks._pde import EquationTask, lbfgs, paper, quick, standard

if TYPE_CHECKING:
    from inrbench.problems import Equation

SETTINGS = {"residual_weight": "1/source", "condition_weight": 1.0, "test_grid": (300, 300)}


Wave = Callable[[np.ndarray], np.ndarray]


def mix(weight: float) -> "Equation":
    """Return the equation whose solution has three scales in each direction."""
    return _allen_cahn(
        lambda s: np.sin(s) + 0.1 * np.sin(20 * s) + np.cos(100 * s),
        lambda s: -np.sin(s) - 40 * np.sin(20 * s) - 1e4 * np.cos(100 * s),
        weight,
    )


def smooth(weight: float) -> "Equation":
    """Return the equation whose solution is half a wave in each direction."""
    return half_waves(1, weight)


def half_waves(k: int, weight: float) -> "Equation":
    """Return the equation whose solution has k half waves in each direction."""
    return _allen_cahn(lambda s: np.sin(k * np.pi * s), lambda s: -((k * np.pi) ** 2) * np.sin(k * np.pi * s), weight)


def _allen_cahn(p: Wave, second: Wave, weight: float) -> "Equation":
    """Return the equation of the solution p(x) p(y); ``second`` is the second derivative of p."""
    from inrbench.problems import Condition, Equation

    def u(x: np.ndarray) -> np.ndarray:
        return p(x[:, 0]) * p(x[:, 1])

    def f(x: np.ndarray) -> np.ndarray:
        return second(x[:, 0]) * p(x[:, 1]) + p(x[:, 0]) * second(x[:, 1]) + u(x) * (u(x) ** 2 - 1)

    return Equation(
        box=((0, 1), (0, 1)),
        residual=lambda v: v.second[0] + v.value * (v.value.square() - 1),
        source=f,
        exact=u,
        conditions=(Condition.around(weight),),
        second=((0, 1),),
    )


@register_task("allen-cahn2d")
class AllenCahn2d(EquationTask):
    """The stationary Allen-Cahn equation."""

    equations: ClassVar[Mapping[str, Callable[[float], "Equation"]]] = {
        "mix": mix,
        "smooth": smooth,
        **{f"sin{k}": partial(half_waves, k) for k in (2, 3, 4, 6, 8, 11, 16)},
    }
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": paper(
            **SETTINGS,
            sources={
                "residual_weight": "one over the mean square of the source (1.2e8), inrbench's choice: "
                "with 1, the boundary would be negligible",
                "test_grid": "300x300, GP-HM's code",
            },
        ),
        "standard": standard(**{**SETTINGS, "condition_weight": 10.0}),
        "lbfgs": lbfgs(**{**SETTINGS, "condition_weight": 10.0}),
        "quick": quick(epochs=2000, **{**SETTINGS, "condition_weight": 10.0, "test_grid": (100, 100)}),
    }
    tuning_split = ("allen-cahn2d", ("sin3", "sin6", "sin11"))
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "paper": ("mix",),
        "standard": ("smooth", "sin2", "sin4", "sin8", "sin16", "mix"),
    }
