"""How far a run is."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MAX_STEPS = 10**12
"""Largest number of steps that is believed: the file may come from an untrusted source."""


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Args:
        step: Number of steps taken.
        steps: Number of steps of the run; 0 if it is not known.
        loss: Loss at the last check, about one per cent of the steps ago at most; NaN before it.
        value: Primary metric at the last point of the learning curve; NaN before it.
        seconds_per_step: Mean wall time of a step since the run was started or continued, without evaluations; NaN before the
            first.
        evaluation_seconds_left: Expected seconds of the evaluations that are still to come.
        evaluation_seconds: Expected seconds of all evaluations of the learning curve.
    """

    step: int = 0
    steps: int = 0
    loss: float = math.nan
    value: float = math.nan
    seconds_per_step: float = math.nan
    evaluation_seconds_left: float = 0.0
    evaluation_seconds: float = 0.0

    @property
    def fraction(self) -> float:
        """The fraction of the steps that are taken, in [0, 1]."""
        return self.step / self.steps if self.steps else 0.0

    @property
    def seconds_left(self) -> float:
        """Estimated seconds until the last step and its evaluation; NaN if not known."""
        return self.seconds_per_step * (self.steps - self.step) + self.evaluation_seconds_left if self.steps else math.nan

    @property
    def seconds_in_all(self) -> float:
        """Estimated seconds of all steps and evaluations of the run; NaN if not known."""
        return self.seconds_per_step * self.steps + self.evaluation_seconds if self.steps else math.nan

    def numbers(self) -> dict[str, float | int | None]:
        """Return the fields for a JSON file, with None for NaN."""
        return {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}

    @classmethod
    def from_numbers(cls, numbers: Mapping[str, Any]) -> "Progress":
        """Return the progress that ``numbers`` describes. Raises ValueError, TypeError or KeyError for something else."""
        step, steps = int(numbers["step"]), int(numbers["steps"])
        if step < 0 or not 0 <= steps <= MAX_STEPS or (steps and step > steps):
            raise ValueError(f"step {str(step)[:20]} of {str(steps)[:20]}")
        rest = [
            numbers[name] for name in ("loss", "value", "seconds_per_step", "evaluation_seconds_left", "evaluation_seconds")
        ]
        return cls(step, steps, *(math.nan if number is None else float(number) for number in rest))
