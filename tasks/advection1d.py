"""advection1d: u_t + b u_x = 0 in (x, t), u = sin(x - b t).

    b40-periodic                  x in [0, 2 pi], t in [0, 1], b = 40; u known at t = 0, periodic in x
    b60-periodic, ... b3-periodic   the same with b from 60 to 3
    b200-inflow                   [0, 1]^2, b = 200; u known at t = 0 and x = 0

Table 3 of Han et al., AAAI 2026, names a 1-D advection equation but does not print it, and states that all loss weights are 1.
``b40-periodic`` is the convection problem of Krishnapriyan et al. (NeurIPS 2021); the PINN and TSA columns of the table
resemble its known failures. ``b200-inflow`` is the problem of the GP-HM baseline (Fang et al., ICLR 2024), which fits all four
sides, including t = 1; here only two sides are fitted.
The protocol ``weighted`` gives the conditions a weight of 100.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from inrbench import Protocol, register_task
from inrbench.tasks._pde import EquationTask, lbfgs, paper, quick, standard

if TYPE_CHECKING:
    from inrbench.problems import Condition, Equation

SETTINGS = {"residual_weight": 1.0, "condition_weight": 1.0, "test_grid": (256, 100)}
SOURCES = {
    "residual_weight, condition_weight": "1, paper",
    "test_grid": "256x100, code of Krishnapriyan et al.",
}


def periodic(b: float, weight: float) -> "Equation":
    """Return the advection equation with periodic conditions in x."""
    from inrbench.problems import Condition

    ends = Condition(sides=((0, "low"), (0, "high")), weight=weight, periodic=True)
    return _advection(b, 2 * np.pi, (ends, Condition(sides=((1, "low"),), weight=weight)))


def b200_inflow(weight: float) -> "Equation":
    """Return the advection equation with b = 200 and known values at t = 0 and x = 0."""
    from inrbench.problems import Condition

    return _advection(
        200.0, 1.0, (Condition(sides=((0, "low"),), weight=weight), Condition(sides=((1, "low"),), weight=weight))
    )


def _advection(b: float, length: float, conditions: tuple["Condition", ...]) -> "Equation":
    from inrbench.problems import Equation

    return Equation(
        box=((0, length), (0, 1)),
        residual=lambda u: u.first[1] + b * u.first[0],
        source=lambda x: np.zeros(len(x)),
        exact=lambda x: np.sin(x[:, 0] - b * x[:, 1]),
        conditions=conditions,
        first=(0, 1),
    )


@register_task("advection1d")
class Advection1d(EquationTask):
    """The advection equation."""

    equations: ClassVar[Mapping[str, Callable[[float], "Equation"]]] = {
        "b40-periodic": partial(periodic, 40.0),
        "b200-inflow": b200_inflow,
        **{f"b{b}-periodic": partial(periodic, float(b)) for b in (60, 30, 20, 15, 10, 5, 3)},
    }
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": paper(**SETTINGS, sources=SOURCES),
        "weighted": paper(
            "weighted",
            **{**SETTINGS, "condition_weight": 100.0},
            sources={
                **SOURCES,
                "condition_weight": "100, inrbench's choice: for b = 200, the residual term is 4e4 times the condition terms",
            },
        ),
        "standard": standard(**{**SETTINGS, "condition_weight": 100.0}),
        "lbfgs": lbfgs(**{**SETTINGS, "condition_weight": 100.0}),
        "quick": quick(epochs=2000, **{**SETTINGS, "condition_weight": 100.0, "test_grid": (128, 50)}),
    }
    tuning_split = ("advection1d", ("b3-periodic", "b15-periodic", "b30-periodic"))
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "paper": ("b40-periodic", "b200-inflow"),
        "standard": ("b5-periodic", "b10-periodic", "b20-periodic", "b40-periodic", "b60-periodic", "b200-inflow"),
    }
