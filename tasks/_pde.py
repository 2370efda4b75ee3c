"""Shared parts of the equation tasks: signals are equations with known solutions, and all protocols have the same budget.

The paper (Han et al., AAAI 2026) names four equations, a metric and a table. It does not publish the parameters of the
equations, the points, the networks or the optimisers. Every number here is therefore a proposal, and ``sources`` states its
basis.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from inrbench import Protocol, Task
from inrbench.errors import unknown_name
from inrbench.metrics.field import RELATIVE_L2, RELATIVE_L2_BEST, RESIDUAL
from inrbench.registry import ProblemSize
from inrbench.settings import EquationSettings
from inrbench.spec import AdamLbfgs, digest

if TYPE_CHECKING:
    from inrbench.problems import Equation, Problem

METRICS = (RELATIVE_L2, RESIDUAL, RELATIVE_L2_BEST)
SOURCES = {
    "width, n_layers": "4 layers: as in table 4 of the paper; width 100: inrbench's choice",
    "epochs, lr, lr_min, schedule": "20,000 Adam steps, 1e-3 to 1e-5: inrbench's choice",
    "batch, condition_points": "interior points, and points on each side of each condition, drawn anew for every "
    "step, 20 million in all: inrbench's choice, so that a run takes minutes on a CPU",
    "coordinates": "mapped to [-1, 1] for all methods: inrbench's choice",
    "metrics": "relative l2: paper. Residual at held-out points: inrbench's choice. The oracle uses the true solution to pick "
    "the best of 30 checkpoints, which is what the code of GP-HM reports; it is never the ranking metric",
}


def paper(name: str = "paper", *, sources: Mapping[str, str] = {}, **settings: Any) -> Protocol:
    """Return the protocol with the common budget and a task's own settings.

    Args:
        name: Name of the protocol.
        sources: Sources of the task's numbers, in addition to the common ones.
        settings: Fields of EquationSettings.
    """
    return Protocol(
        name=name,
        width=100,
        n_layers=4,
        epochs=20_000,
        batch=1024,
        lr=1e-3,
        lr_min=1e-5,
        schedule="cosine",
        metrics=tuple(metric.id for metric in METRICS),
        settings=EquationSettings(**{"condition_points": 128, **settings}),
        sources={**SOURCES, **sources},
    )


def standard(**settings: Any) -> Protocol:
    """Return the protocol for a ladder of equations, easy and hard, on a laptop."""
    return replace(
        paper(**{"condition_points": 64, **settings}),
        name="standard",
        width=64,
        epochs=10_000,
        batch=512,
        lr_min=0.0,
        sources={
            "width, n_layers, epochs, lr, schedule": "4 layers of 64, 10,000 Adam steps from 1e-3: inrbench's choice, half of "
            "the steps of 'paper'",
            "lr_min": "0: with 1e-5 the noise of the points, drawn anew for every step, still decides the error of FINER and "
            "WIRE at the end; with 1e-7 it is a quarter of that (poisson2d/sin1sin3, which no test uses)",
            "batch, condition_points": "512 and 64 points, drawn anew for every step: a quarter of the cost of 'paper'",
            "condition_weight": "as in 'quick': with a weight of 1 few methods leave the zero solution",
            "signals": "a ladder of six equations, from those that a plain PINN solves to those of the paper",
            "budget": "10,000 steps: about a minute of one core per run",
            "metrics": SOURCES["metrics"],
        },
    )


def lbfgs(**settings: Any) -> Protocol:
    """Return the protocol with L-BFGS after Adam, on the ladder and with the network of ``standard``."""
    return replace(
        standard(**{"condition_points": 128, **settings}),
        name="lbfgs",
        epochs=4_000,
        lr_min=1e-5,
        batch=2048,
        optimiser=AdamLbfgs(lbfgs_steps=1_000),
        sources={
            "optimiser": "Adam and then L-BFGS, as in Raissi et al., JCP 378, 2019, and in much work on such networks since",
            "epochs, lr, lr_min, schedule": "3,000 steps of Adam, 1e-3 to 1e-5, and 1,000 iterations of L-BFGS, each of which "
            "costs two to three times as much: inrbench's choice",
            "batch, condition_points": "2,048 and 128 points, more than in 'standard': L-BFGS has one set of points, Adam one "
            "for every step",
            "width, n_layers, condition_weight, signals": "as in 'standard'",
            "metrics": SOURCES["metrics"],
        },
    )


def quick(*, epochs: int = 800, **settings: Any) -> Protocol:
    """Return a protocol that takes seconds on a laptop CPU."""
    return replace(
        paper(**{"condition_points": 64, **settings}),
        name="quick",
        width=50,
        epochs=epochs,
        batch=512,
        sources={
            "all": "inrbench's choice: takes seconds on a laptop CPU, otherwise like the protocol 'paper'. "
            "It does not reproduce any paper"
        },
    )


class EquationTask(Task):
    """Base class of the equation tasks. Each signal is an equation."""

    kind = "pde"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    equations: ClassVar[Mapping[str, Callable[[float], "Equation"]]]
    """Signal -> function from the weight of the conditions to the equation."""

    def signals(self) -> tuple[str, ...]:
        """Return the equations' names."""
        return tuple(self.equations)

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the equation's name and the task's version."""
        if signal not in self.equations:
            raise unknown_name(f"signal of task '{self.name}'", signal, self.equations)
        return digest({"task": self.name, "version": self.version, "signal": signal})

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the problem size: two coordinates, one value, and the points per step."""
        return ProblemSize(2, 1, protocol.batch or 1)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Set up the equation. Its points are drawn during the fit.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Not used.
        """
        from inrbench.problems import EquationProblem

        return EquationProblem(self.equations[signal](protocol.settings_as(EquationSettings).condition_weight), protocol)
