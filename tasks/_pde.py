"""What the tasks of equations share: signals are equations with known solutions, and the protocols have one budget.

The paper (Han et al., AAAI 2026) names four equations, a metric and a table; equations' parameters, points, networks and
optimisers are not published. Every number here is therefore a proposal, and ``sources`` says how well founded it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from inrbench import Protocol, Task
from inrbench.errors import unknown_name
from inrbench.metrics.field import RELATIVE_L2, RELATIVE_L2_BEST, RESIDUAL
from inrbench.registry import ProblemSize
from inrbench.settings import EquationSettings
from inrbench.spec import digest

if TYPE_CHECKING:
    from inrbench.problems import Equation, Problem

METRICS = (RELATIVE_L2, RESIDUAL, RELATIVE_L2_BEST)
SOURCES = {
    "width, n_layers": "4 layers: table 4 of the paper lists as many; 100 wide is ours",
    "epochs, lr, lr_min, schedule": "20,000 Adam steps, 1e-3 to 1e-5: ours",
    "batch, condition_points": "points inside, and on each side of each condition, drawn anew for every step, 20 million "
    "in all: ours, so that a run is minutes on a CPU",
    "coordinates": "mapped to [-1, 1] for all methods alike: ours",
    "metrics": "relative l2: paper. Residual on held-out points: ours. The oracle picks the best of 30 checkpoints by the true "
    "solution, as the code of GP-HM reports; never the ranking metric",
}


def paper(name: str = "paper", *, sources: Mapping[str, str] = {}, **settings: Any) -> Protocol:
    """Return the protocol of the common budget with a task's own settings."""
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


def quick(*, epochs: int = 800, **settings: Any) -> Protocol:
    """Return a protocol of seconds on a laptop CPU."""
    return replace(
        paper(**{"condition_points": 64, **settings}),
        name="quick",
        width=50,
        epochs=epochs,
        batch=512,
        sources={"all": "ours: seconds on a laptop CPU, otherwise as in the paper's protocol. It reproduces no paper"},
    )


class EquationTask(Task):
    """Equations by signal name."""

    kind = "pde"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    equations: ClassVar[Mapping[str, Callable[[float], "Equation"]]]
    """Signal -> the equation, given the weight of its conditions."""

    def signals(self) -> tuple[str, ...]:
        """Return the equations' names."""
        return tuple(self.equations)

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the equation's name and the task's version."""
        if signal not in self.equations:
            raise unknown_name(f"signal of task '{self.name}'", signal, self.equations)
        return digest({"task": self.name, "version": self.version, "signal": signal})

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return two coordinates, one value, and the points of a step."""
        return ProblemSize(2, 1, protocol.batch or 1)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Set up the equation. Its points are drawn while it is fitted."""
        from inrbench.problems import EquationProblem

        return EquationProblem(self.equations[signal](protocol.settings_as(EquationSettings).condition_weight), protocol)
