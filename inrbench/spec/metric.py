"""What a measured number is."""

import math
from dataclasses import dataclass
from typing import Literal

Role = Literal["answer", "training", "diagnostic", "oracle"]
FITTED = frozenset({"train", "sinogram"})
"""What stands behind @ in the id of a metric that is measured on what was fitted."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What a number is. ``id`` carries the implementation and its parameters, ``ssim@skimage-uniform-w7``.

    ``scale`` says how values are averaged and compared: ``log`` for errors that span decades (geometric mean), ``dispersion``
    for a standard deviation that accompanies another metric and ranks no method.
    """

    id: str
    unit: str = ""
    higher_is_better: bool
    scale: Literal["linear", "log", "dispersion"] = "linear"

    @property
    def role(self) -> Role:
        """What the number says of a method, read off the id.

        ``answer``: how well the task was done. ``training``: the error on what was fitted (``...@train``). ``diagnostic``: a
        residual, which the wrong solution can have small. ``oracle``: what choosing with the truth at hand would have given.

        >>> [Metric(id=i, higher_is_better=False).role for i in ("lpips@alex", "mse@train", "residual-rms@x", "l2-oracle@y")]
        ['answer', 'training', 'diagnostic', 'oracle']
        """
        name, _, measured_on = self.id.partition("@")
        parts = name.split("-")
        if "oracle" in parts:
            return "oracle"
        if "residual" in parts:
            return "diagnostic"
        return "training" if measured_on in FITTED else "answer"

    def to_scale(self, value: float) -> float:
        """Return a value as it is averaged and compared: of the scale ``log`` its decadic logarithm, -inf of zero."""
        if self.scale != "log":
            return float(value)
        return math.log10(value) if value > 0 else -math.inf

    def from_scale(self, value: float) -> float:
        """Return the value that ``to_scale`` was given."""
        return float(10**value if self.scale == "log" else value)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A metric's value after a run. ``value`` is None where it could not be computed, and ``note`` says why."""

    metric: Metric
    value: float | None
    note: str | None = None
