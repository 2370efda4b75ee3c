"""What a fit has done so far: its losses, gradients, learning curve and readings of probes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from inrbench.fit.checkpoint import State
from inrbench.spec import CurvePoint, ProbeReading


@dataclass
class TrainingRecord:
    """What a fit has done so far.

    Args:
        losses: Losses of all steps ``(steps,)``, on the device; 0 for steps that have not been taken.
    """

    losses: Tensor
    norms: Tensor | None = None
    """Norms of the gradients ``(steps, parameters)``; None if the step does not report them."""
    names: list[str] = field(default_factory=list)
    """Names of these parameters."""
    curve: list[CurvePoint] = field(default_factory=list)
    readings: list[ProbeReading] = field(default_factory=list)
    value: float = float("nan")
    """Primary metric at the last point of the curve."""
    loss: float = float("nan")
    """Loss at the last check."""
    step: int = 0
    points: int = 0

    def add(self, loss: Tensor, norms: tuple[list[str], Tensor] | None, points: int) -> None:
        """Record a step.

        Args:
            loss: Its loss, on the device.
            norms: Names of the parameters and norms of their gradients; None if unknown.
            points: Number of points of its batch.
        """
        self.losses[self.step] = loss
        if norms is not None:
            if self.norms is None:
                self.names, self.norms = norms[0], torch.zeros(len(self.losses), len(norms[1]), device=self.losses.device)
            self.norms[self.step] = norms[1]
        self.step, self.points = self.step + 1, self.points + points

    def nonfinite_gradient(self, steps: int) -> tuple[int, tuple[str, ...]] | None:
        """Return the first step with a finite loss and a non-finite gradient, and the parameters; None if there is none."""
        return None if self.norms is None else _nonfinite(self.names, self.norms[:steps], self.losses)

    def is_finite(self) -> bool:
        """Return whether all losses are finite. This waits for the device."""
        return bool(self.losses[: self.step].isfinite().all())

    def state(self) -> State:
        """Return what a checkpoint stores."""
        return {
            "losses": self.losses[: self.step],
            "norms": None if self.norms is None else self.norms[: self.step],
            "names": self.names,
            "curve": [asdict(point) for point in self.curve],
            "readings": [asdict(reading) for reading in self.readings],
            "value": self.value,
            "step": self.step,
            "points": self.points,
        }

    def restore(self, state: State) -> None:
        """Restore what ``state`` returned."""
        self.losses[: state["step"]] = state["losses"].to(self.losses.device)
        if state["norms"] is not None:
            self.names = state["names"]
            self.norms = torch.zeros(len(self.losses), state["norms"].shape[1], device=self.losses.device)
            self.norms[: state["step"]] = state["norms"].to(self.losses.device)
        self.curve = [CurvePoint(**point) for point in state["curve"]]
        self.readings = [ProbeReading(**reading) for reading in state["readings"]]
        self.value, self.step, self.points = state["value"], state["step"], state["points"]


def _nonfinite(names: Sequence[str], norms: Tensor, losses: Tensor) -> tuple[int, tuple[str, ...]] | None:
    """Return the first step, counted from 1, with a finite loss and a non-finite gradient, and the parameters concerned."""
    nonfinite = ~norms.isfinite()
    rows = nonfinite.any(dim=1).nonzero()
    if not len(rows) or not bool(losses[int(rows[0, 0])].isfinite()):
        return None
    step = int(rows[0, 0])
    return step + 1, tuple(name for name, bad in zip(names, nonfinite[step].tolist(), strict=True) if bad)
