"""helmholtz2d: u_xx + u_yy + u = q on [-1, 1]^2, u known on the sides.

    sin1sin4               u = sin(pi x) sin(4 pi y)
    sin1sin1 .. sin1sin12   the same with 1 to 12 waves along y

The equation of figure 5 of Han et al., AAAI 2026, which names it but does not print it. ``sin1sin4`` is the problem of Wang,
Teng, Perdikaris (SIAM J. Sci. Comput. 43(5), 2021), the usual test. The others were added for inrbench: a plain PINN solves
``sin1sin1`` within the quick protocol.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from inrbench import Protocol, register_task
from inrbench.tasks._pde import EquationTask, lbfgs, paper, quick, standard

if TYPE_CHECKING:
    from inrbench.problems import Equation

SETTINGS = {"residual_weight": "1/source", "condition_weight": 1.0, "test_grid": (256, 256)}


def waves(along_y: int, weight: float) -> "Equation":
    """Return the equation with wave number 1, whose solution has one wave along x and ``along_y`` along y."""
    from inrbench.problems import Condition, Equation

    def u(x: np.ndarray) -> np.ndarray:
        return np.sin(np.pi * x[:, 0]) * np.sin(along_y * np.pi * x[:, 1])

    return Equation(
        box=((-1, 1), (-1, 1)),
        residual=lambda v: v.second[0] + v.value,
        source=lambda x: (1 - (1 + along_y**2) * np.pi**2) * u(x),
        exact=u,
        conditions=(Condition.around(weight),),
        second=((0, 1),),
    )


@register_task("helmholtz2d")
class Helmholtz2d(EquationTask):
    """Helmholtz's equation."""

    equations: ClassVar[Mapping[str, Callable[[float], "Equation"]]] = {
        f"sin1sin{k}": partial(waves, k) for k in (4, 1, 2, 3, 5, 6, 8, 10, 12)
    }
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": paper(
            **SETTINGS,
            sources={
                "residual_weight": "one over the mean square of the source, inrbench's choice: "
                "equation and boundary have similar weight",
                "test_grid": "256x256, inrbench's choice",
            },
        ),
        "standard": standard(**{**SETTINGS, "condition_weight": 10.0}),
        "lbfgs": lbfgs(**{**SETTINGS, "condition_weight": 10.0}),
        "quick": quick(epochs=2000, **{**SETTINGS, "condition_weight": 10.0, "test_grid": (100, 100)}),
    }
    tuning_split = ("helmholtz2d", ("sin1sin3", "sin1sin5", "sin1sin10"))
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "standard": ("sin1sin1", "sin1sin2", "sin1sin4", "sin1sin6", "sin1sin8", "sin1sin12")
    }
