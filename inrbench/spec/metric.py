"""Metrics and measurements."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["answer", "training", "diagnostic", "oracle"]
FITTED = frozenset({"train", "sinogram"})
"""Parts after ``@`` in the ids of metrics that are measured on the fitted data."""
STORED = ("id", "unit", "higher_is_better", "scale")
"""Fields of a metric that are stored with every value."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric: its name, how its values are read and how they are computed.

    Args:
        id: Name, implementation and parameters: ``ssim@skimage-uniform-w7``.
        unit: Unit of the values, such as ``dB``; empty for none.
        higher_is_better: Whether higher values are better.
        scale: How values are averaged and compared: ``linear``; ``log`` for errors that span powers of ten (geometric mean);
            ``dispersion`` for a standard deviation that accompanies another metric and does not rank methods.
        title: Column title in tables; if empty, the part of the id before ``@``.
        compute: Function of the outputs in ``needs``, in that order. None for a metric that was read from a store.
        needs: Names of a problem's outputs: ``prediction``, ``truth``, ... (see ``inrbench.problems``).
        data: Keyword of ``compute`` -> (data set, file) that it needs in addition to the outputs, such as network weights.
    """

    id: str
    unit: str = ""
    higher_is_better: bool
    scale: Literal["linear", "log", "dispersion"] = "linear"
    title: str = field(default="", compare=False)
    compute: Callable[..., float] | None = field(default=None, compare=False, repr=False)
    needs: tuple[str, ...] = field(default=("prediction", "truth"), compare=False, repr=False)
    data: Mapping[str, tuple[str, str]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def role(self) -> Role:
        """What the value means for a method, derived from the id.

        ``answer``: how well the task was solved. ``training``: the error on the fitted data (``...@train``). ``diagnostic``: a
        residual, which can also be small for a wrong solution. ``oracle``: the value if checkpoints were chosen with the truth.

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

    @property
    def scale_unit(self) -> str:
        """Unit of differences on the metric's scale: decades (powers of ten) for a log scale."""
        return "decades" if self.scale == "log" else self.unit

    def stored(self) -> dict[str, Any]:
        """Return the fields that are stored with every value."""
        return {name: getattr(self, name) for name in STORED}

    def to_scale(self, value: float) -> float:
        """Return a value as it is averaged and compared.

        On the scale ``log`` this is its log10 (-inf for zero), otherwise the value itself.
        """
        if self.scale != "log":
            return float(value)
        return math.log10(value) if value > 0 else -math.inf

    def from_scale(self, value: float) -> float:
        """Return the value that ``to_scale`` maps to the given one."""
        return float(10**value if self.scale == "log" else value)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The value of a metric after a run.

    Args:
        metric: The metric.
        value: The value; None if it could not be computed.
        note: Why there is no value.
    """

    metric: Metric
    value: float | None
    note: str | None = None
