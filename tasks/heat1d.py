"""heat1d: u_t = k u_xx on [0, 1]^2 in (x, t), u known at t = 0 and at both ends, k = 1 / (b pi)^2.

    b500, b100, b50, ... b3   u = exp(-t) sin(b pi x)

Table 3 of Han et al., AAAI 2026, names a 1-D heat equation but does not print it. b = 500 is the heat equation of Wang, Wang,
Perdikaris (CMAME 384, 2021), on which a plain PINN fails completely, as in the table; 50, 20 and 5 are easier.
k u_xx is a product of 2.5e6 and 4e-7, and u = 0 has almost no residual: the trivial solution is the typical failure.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from inrbench import Protocol, register_task
from inrbench.tasks._pde import EquationTask, lbfgs, paper, quick, standard

if TYPE_CHECKING:
    from inrbench.problems import Equation

SETTINGS = {"residual_weight": 1.0, "condition_weight": 1.0, "test_grid": (1000, 100)}


RUNGS = (500, 100, 50, 35, 20, 15, 10, 5, 3)
"""Values of b, from the hardest equation to the easiest."""


def heat(b: int, weight: float) -> "Equation":
    """Return the heat equation with the solution exp(-t) sin(b pi x)."""
    from inrbench.problems import Condition, Equation

    rate = b * np.pi
    return Equation(
        box=((0, 1), (0, 1)),
        residual=lambda u: u.first[0] - u.second[0] / rate**2,
        source=lambda x: np.zeros(len(x)),
        exact=lambda x: np.exp(-x[:, 1]) * np.sin(rate * x[:, 0]),
        conditions=(
            Condition(sides=((0, "low"), (0, "high")), weight=weight),
            Condition(sides=((1, "low"),), weight=weight),
        ),
        first=(1,),
        second=((0,),),
    )


@register_task("heat1d")
class Heat1d(EquationTask):
    """The heat equation."""

    equations: ClassVar[Mapping[str, Callable[[float], "Equation"]]] = {f"b{b}": partial(heat, b) for b in RUNGS}
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": paper(
            **SETTINGS,
            sources={
                "residual_weight, condition_weight": "1: heat script of MultiscalePINNs",
                "test_grid": "1000 points in x, inrbench's choice: on 101, 251 or 501 points, sin(500 pi x) is zero everywhere",
            },
        ),
        "standard": standard(**{**SETTINGS, "condition_weight": 100.0}),
        "lbfgs": lbfgs(**{**SETTINGS, "condition_weight": 100.0}),
        "quick": quick(epochs=2000, **{**SETTINGS, "condition_weight": 100.0, "test_grid": (1000, 20)}),
    }
    tuning_split = ("heat1d", ("b3", "b15", "b20"))
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "paper": ("b500",),
        "standard": ("b5", "b10", "b35", "b50", "b100", "b500"),
        "quick": ("b5",),
    }
