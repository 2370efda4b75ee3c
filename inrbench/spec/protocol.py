"""Protocols: all settings that change the meaning of a number, with checks and a fingerprint."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from inrbench.errors import BadValue
from inrbench.spec.identity import digest
from inrbench.spec.label import ProtocolLabel
from inrbench.spec.optimiser import OPTIMISERS, Adam, Optimiser, optimiser_of
from inrbench.spec.parse import parse_value
from inrbench.spec.record import added_field, check_types, field_types, unset_added_fields
from inrbench.spec.settings import Settings

HARNESS_VERSION = 1
"""Version of the harness, which is part of every fingerprint.

It is increased when the harness itself changes the meaning of a number (a loss, a layer, a selection rule).
"""

NOT_CHANGEABLE = frozenset({"name", "sources", "settings", "metrics", "optimiser"})
"""Fields of a protocol that ``--set`` does not change directly."""
Schedule = Literal["cosine", "exponential", "constant", "step"]
Precision = Literal["float32", "float64", "bfloat16"]
S = TypeVar("S", bound=Settings)
POSITIVE = ("width", "n_layers", "epochs", "batch", "lr", "step_epochs", "step_factor")


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """All settings that change the meaning of a number. Each one is used, and is checked when the protocol is constructed.

    Args:
        name: Name for display.
        width: Channels of a nonlinear layer.
        n_layers: Number of nonlinear layers.
        epochs: Passes over the points.
        batch: Points per optimiser step; None for all points.
        optimiser: The optimiser with its hyper-parameters.
        lr: The highest learning rate.
        lr_min: The learning rate at the end of a ``cosine`` or ``exponential`` schedule; the lowest one of ``step``; equal to
            ``lr`` for ``constant``.
        schedule: Shape of the decrease of the learning rate from ``lr`` to ``lr_min``. The rate is set at each epoch.
        warmup_epochs: Epochs in which the learning rate rises in equal steps to ``lr``, before the schedule begins.
        step_epochs: For the schedule ``step``: number of epochs after which the learning rate is multiplied by ``step_factor``.
        step_factor: For the schedule ``step``: a factor above 0 and below 1.
        precision: ``float32``; ``float64``; or ``bfloat16``, which is torch's autocast over float32 weights.
        own_training: Whether methods may bring their own training on the track ``paper``; on all other tracks they may.
        selection: Which weights are evaluated.
        metrics: Ids of the metrics. The first one is the primary metric.
        settings: Settings that only this task has.
        sources: Where each number comes from. Not part of the fingerprint.

    Raises:
        BadValue: A field has the wrong type or a value that is not valid.
    """

    name: str
    width: int
    n_layers: int
    epochs: int
    batch: int | None = None
    optimiser: Optimiser = field(default_factory=Adam)
    lr: float
    lr_min: float
    schedule: Schedule = "cosine"
    warmup_epochs: int = added_field(0)
    step_epochs: int | None = added_field(None)
    step_factor: float | None = added_field(None)
    precision: Precision = "float32"
    own_training: bool = added_field(False)
    selection: Literal["last iterate"] = "last iterate"
    metrics: tuple[str, ...]
    settings: Settings = field(default_factory=Settings)
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self, f"protocol '{self.name}': ")
        for name in POSITIVE:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise self._wrong(name, f"must be positive, got {value}")
        if not self.metrics:
            raise self._wrong("metrics", "must name at least one metric")
        self._check_schedule()

    def _check_schedule(self) -> None:
        if not (0 <= self.lr_min <= self.lr and math.isfinite(self.lr)):
            raise self._wrong("lr_min", f"must be between 0 and lr = {self.lr}, got {self.lr_min}")
        if self.schedule == "exponential" and self.lr_min == 0:
            raise self._wrong("lr_min", "must be above 0: an exponential schedule cannot reach 0")
        if self.schedule == "constant" and self.lr_min != self.lr:
            raise self._wrong(
                "lr_min", f"must be lr = {self.lr}: the schedule constant uses no other value (--set lr_min={self.lr})"
            )
        if not 0 <= self.warmup_epochs < self.epochs:
            raise self._wrong("warmup_epochs", f"must be at least 0 and below epochs = {self.epochs}, got {self.warmup_epochs}")
        if self.schedule == "step":
            if self.step_epochs is None or self.step_factor is None or self.step_factor >= 1:
                raise self._wrong("schedule", "'step' needs step_epochs, and a step_factor above 0 and below 1")
        elif self.step_epochs is not None or self.step_factor is not None:
            raise self._wrong("step_epochs", "and step_factor must be none: only the schedule 'step' uses them")

    def _wrong(self, name: str, what: str) -> BadValue:
        return BadValue(f"protocol '{self.name}': {name} {what}")

    @property
    def primary(self) -> str:
        """The id of the metric that ranks methods."""
        return self.metrics[0]

    def settings_as(self, kind: type[S]) -> S:
        """Return the settings as an instance of ``kind``. Raises BadValue for settings of a different class."""
        if not isinstance(self.settings, kind):
            raise BadValue(f"protocol '{self.name}': settings must be {kind.__name__}, got {type(self.settings).__name__}")
        return self.settings

    def encoded(self) -> dict[str, Any]:
        """Return all fields in JSON form."""
        values = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        return {
            **values,
            "optimiser": self.optimiser.encoded(),
            "settings": self.settings.encoded(),
            "sources": dict(self.sources),
        }

    @classmethod
    def decoded(cls, encoded: Mapping[str, Any], settings: type[Settings]) -> "Protocol":
        """Return a protocol from the result of ``encoded``. ``settings`` is the class of its task's settings.

        Raises:
            UnknownName: It has a setting that the task no longer has.
            BadValue: A value is no longer valid.
        """
        return cls(
            **{
                **encoded,
                "metrics": tuple(encoded["metrics"]),
                "optimiser": optimiser_of(encoded["optimiser"]),
                "settings": settings.decoded(encoded["settings"]),
            }
        )

    def fingerprint(self, task: str, task_version: str) -> str:
        """Return the first 12 hexadecimal digits of the hash of everything that changes the meaning of a number."""
        fields = {**self.encoded(), "settings": self.settings.fingerprinted()}
        left_out = {"name", "sources", *unset_added_fields(self)}
        fields = {name: value for name, value in fields.items() if name not in left_out}
        return digest({"edition": HARNESS_VERSION, "task": task, "task_version": task_version, **fields})[:12]

    def with_changes(self, changes: Mapping[str, str]) -> "Protocol":
        """Return a protocol with some fields replaced by values given as text. The changes are appended to its name.

        Args:
            changes: Field -> text. A field is one of the protocol's, one of its settings, ``optimiser`` (a name), or a
                hyper-parameter of the optimiser (``optimiser.weight_decay``).

        Raises:
            BadValue: A field does not exist or cannot be changed, or a text is not a value of its type.
        """
        if not changes:
            return self
        own = {name: kind for name, kind in field_types(Protocol).items() if name not in NOT_CHANGEABLE}
        of_task = field_types(type(self.settings))
        fields: dict[str, Any] = {}
        settings: dict[str, Any] = {}
        for key, text in changes.items():
            if key == "optimiser" or key.startswith("optimiser."):
                continue
            if key not in own and key not in of_task:
                known = ", ".join(sorted((*own, *of_task, "optimiser")))
                raise BadValue(f"--set {key}={text}: this cannot be changed. Fields that can: {known}")
            (settings if key in of_task else fields)[key] = parse_value(of_task.get(key, own.get(key)), text, f"--set {key}")
        fields["optimiser"] = self._changed_optimiser(changes)
        if settings:
            fields["settings"] = dataclasses.replace(self.settings, **settings)
        return dataclasses.replace(self, **fields, name=str(ProtocolLabel(self.name, changes)))

    def shortening(self, divisor: int) -> dict[str, str]:
        """Return the changes to a run with a fraction of the epochs: field -> text, for ``with_changes``.

        The warm-up, the length of a step of the schedule and the steps of L-BFGS shrink with the run, so that it has the same
        course.

        Args:
            divisor: The run has the number of epochs divided by this.
        """
        if divisor == 1:
            return {}
        epochs = max(1, self.epochs // divisor)
        changes, share = {"epochs": str(epochs)}, epochs / self.epochs
        if self.warmup_epochs:
            changes["warmup_epochs"] = str(min(round(self.warmup_epochs * share), epochs - 1))
        if self.step_epochs:
            changes["step_epochs"] = str(max(1, round(self.step_epochs * share)))
        return changes | self.optimiser.shortening(divisor)

    def _changed_optimiser(self, changes: Mapping[str, str]) -> Optimiser:
        chosen = self.optimiser
        if "optimiser" in changes:
            chosen = OPTIMISERS[parse_value(Literal[*OPTIMISERS], changes["optimiser"], "--set optimiser")]()
        hyper = {key.removeprefix("optimiser."): text for key, text in changes.items() if key.startswith("optimiser.")}
        types = field_types(type(chosen))
        for key, text in hyper.items():
            if key not in types:
                known = ", ".join(types)
                raise BadValue(f"--set optimiser.{key}={text}: optimiser '{chosen.name}' has no '{key}'. It has: {known}")
        return dataclasses.replace(
            chosen, **{key: parse_value(types[key], text, f"--set optimiser.{key}") for key, text in hyper.items()}
        )
