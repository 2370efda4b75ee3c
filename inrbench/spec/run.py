"""The words of the house as frozen data: network shape, metric, protocol, run, result. Imports no torch.

Identity is SHA-256 over canonical JSON. A protocol's fingerprint covers everything that changes the meaning of a number and
nothing else; a run's id adds the method, its parameters, the signal's bytes and the seed.
"""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args, get_origin, get_type_hints

from inrbench.errors import BadValue

EDITION = 1
"""Bumped when the harness itself changes what a number means (a loss, a selection rule); part of every fingerprint."""

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a method or task may be called: its name is part of a path in every results folder."""
NOT_CHANGEABLE = frozenset({"name", "sources", "settings", "metrics"})
"""Fields of a protocol that ``--set`` leaves alone."""
Status = Literal["ok", "diverged", "timeout", "oom", "error", "skipped", "interrupted"]
Track = Literal["paper", "native", "tuned", "search"]
"""How methods are trained: as the paper trains all, each as its authors do, each as an equal search found best; or in that
search."""
Schedule = Literal["cosine", "exponential", "constant"]
Value = float | int | bool | str | tuple[float, ...] | None
"""What a method's parameter may be."""


def odd_name(name: str) -> str | None:
    """Return why no method or task can be called ``name``, or None if one can.

    >>> odd_name("finer-plus.plus_2")
    >>> odd_name("../x")
    "'../x' is no name of a method or task: letters, digits, '.', '_' and '-', 100 at most"
    """
    if PLAIN_NAME.fullmatch(name):
        return None
    return f"{name[:80]!r} is no name of a method or task: letters, digits, '.', '_' and '-', 100 at most"


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, shortest round-trip floats, no NaN.

    >>> canonical_json({"b": (1, 2.50), "a": None})
    '{"a":null,"b":[1,2.5]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def derived_seed(*parts: object) -> int:
    """Return a 63-bit seed made from named parts, so that no two streams of random numbers share one by accident.

    >>> derived_seed("data", "kodak", "kodim01", 0) == derived_seed("data", "kodak", "kodim01", 0)
    True
    """
    return int(digest([str(part) for part in parts])[:16], 16) >> 1


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """The shape of a coordinate network: ``(N, in_features) -> (N, out_features)``.

    ``n_layers`` counts the *nonlinear* layers; a linear output layer follows. (Official repositories call this
    ``hidden_layers`` and disagree by one on what it means.)
    """

    in_features: int
    out_features: int
    width: int
    n_layers: int


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What a number is. ``id`` carries the implementation and its parameters, ``ssim@skimage-uniform-w7``.

    ``scale`` says how values are averaged and compared: ``log`` for errors that span decades (geometric mean), ``spread`` for
    a deviation that goes with another metric and makes no method better or worse.
    """

    id: str
    unit: str = ""
    higher_is_better: bool
    scale: Literal["linear", "log", "spread"] = "linear"

    def on_scale(self, value: float) -> float:
        """Return a value as it is averaged and compared: of the scale ``log`` its decadic logarithm, -inf of zero."""
        if self.scale != "log":
            return float(value)
        return math.log10(value) if value > 0 else -math.inf

    def off_scale(self, value: float) -> float:
        """Return the value that ``on_scale`` was given."""
        return float(10**value if self.scale == "log" else value)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A metric's value after a run. ``value`` is None where it could not be computed, and ``note`` says why."""

    metric: Metric
    value: float | None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Every setting that changes the meaning of a number. The first of ``metrics`` is the primary one.

    ``batch`` is the number of points in an optimiser step (None: all of them). ``lr`` falls to ``lr_min`` over the run
    along ``schedule``, once an epoch. ``settings`` holds what only one task has: sampling, coordinate range, value range.
    ``sources`` says where each number comes from; it explains and does not identify, so it is not in the fingerprint.
    """

    name: str
    width: int
    n_layers: int
    epochs: int
    batch: int | None = None
    optimiser: Literal["adam"] = "adam"
    lr: float
    lr_min: float
    schedule: Schedule = "cosine"
    precision: Literal["float32"] = "float32"
    selection: Literal["last iterate"] = "last iterate"
    metrics: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("width", "n_layers", "epochs", "batch", "lr"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise BadValue(f"protocol '{self.name}': {name} must be positive, got {value}")
        if not 0 <= self.lr_min <= self.lr:
            raise BadValue(f"protocol '{self.name}': lr_min must lie between 0 and lr = {self.lr}, got {self.lr_min}")
        if self.schedule == "exponential" and self.lr_min == 0:
            raise BadValue(f"protocol '{self.name}': an exponential schedule cannot reach lr_min = 0")

    @property
    def primary(self) -> str:
        """The id of the metric that ranks methods."""
        return self.metrics[0]

    def fingerprint(self, task: str, task_version: str) -> str:
        """Return the first 12 hexadecimal digits of the hash of everything that changes a number's meaning."""
        fields = dataclasses.asdict(self)
        del fields["name"], fields["sources"]
        return digest({"edition": EDITION, "task": task, "task_version": task_version, **fields})[:12]

    def with_changes(self, changes: Mapping[str, str], settable: Mapping[str, Any] | None = None) -> "Protocol":
        """Return a protocol with fields replaced by values given as text, named after the changes.

        ``settable`` maps those of the ``settings`` that may be changed to their types. Raises BadValue for a field that does
        not exist or may not be changed, or a text that is no value of its type.
        """
        if not changes:
            return self
        hints = {name: kind for name, kind in get_type_hints(Protocol).items() if name not in NOT_CHANGEABLE}
        hints.update(settable or {})
        own: dict[str, Any] = {}
        settings = dict(self.settings)
        for key, text in changes.items():
            if key not in hints:
                raise BadValue(f"--set {key}={text}: no field that can be changed. There are: {', '.join(sorted(hints))}")
            (settings if key in settings else own)[key] = parse_as(hints[key], text, f"--set {key}")
        name = self.name + "".join(f"+{key}={text}" for key, text in sorted(changes.items()))
        return dataclasses.replace(self, **own, name=name, settings=settings)


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """The atom: one (task, signal, protocol, method + parameters, seed) on one class of device by one engine."""

    task: str
    task_version: str
    signal: str
    signal_sha256: str
    method: str
    method_sha256: str
    params: Mapping[str, Value]
    variant: str
    """The parameters that differ from the method's settings for this task, as text: ``s_max=4.0``; empty for none."""
    protocol: str
    protocol_fingerprint: str
    seed: int
    device_class: Literal["cpu", "cuda"]
    engine: Literal["fast", "reference"] = "fast"
    track: Track = "paper"
    training: Mapping[str, str] = field(default_factory=dict)
    """What the track changes of the protocol for this method, as ``--set`` takes it. The fingerprint is that of the protocol
    without: a track's methods share a table though each is trained in its own way."""

    @cached_property
    def run_id(self) -> str:
        """128 bits that identify the run, as 32 hexadecimal digits. Names of variants and protocols are not part of it."""
        before_tracks = self.track == "paper" and not self.training
        left_out = {"variant", "protocol", *(("track", "training") if before_tracks else ())}
        names = (each.name for each in dataclasses.fields(self) if each.name not in left_out)
        return digest({name: getattr(self, name) for name in names})[:32]

    @property
    def label(self) -> str:
        """The method as people write it: ``msa`` or ``msa[s_max=4.0]``."""
        return f"{self.method}[{self.variant}]" if self.variant else self.method

    def __str__(self) -> str:
        return f"{self.task}/{self.signal} {self.label} seed {self.seed} ({self.protocol})"


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One point of a learning curve: after ``step`` optimiser steps and ``train_seconds`` of training."""

    step: int
    train_seconds: float
    loss: float
    lr: float
    value: float | None
    """The protocol's primary metric."""


@dataclass(frozen=True, kw_only=True)
class ProbeReading:
    """What an instrument said of one thing (a layer, a share) after ``step`` steps, 0 being the start."""

    probe: str
    step: int
    name: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file that a run left: what it is called, the name of its content, and its size."""

    name: str
    file: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run took. Seconds are wall time with the device synchronised; the first four do not overlap, the fifth has all."""

    data_seconds: float = 0.0
    compile_seconds: float = 0.0
    train_seconds: float = 0.0
    eval_seconds: float = 0.0
    wall_seconds: float = 0.0
    steps: int = 0
    points_seen: int = 0
    steps_per_second: float | None = None
    flops_per_step: float | None = None
    n_params: int | None = None
    """Trainable real scalars; a complex number counts twice."""
    n_params_stored: int | None = None
    """All real scalars of the state, frozen ones and buffers included."""
    n_params_deployed: int | None = None
    """All real scalars of what is left when that which is only for training has been multiplied out."""
    model_bytes: int | None = None
    host_peak_bytes: int | None = None
    """High-water mark of the process above its level before the run; None where the platform cannot reset it."""
    gpu_peak_allocated_bytes: int | None = None
    gpu_peak_reserved_bytes: int | None = None
    compiled: bool | None = None
    graphs: int | None = None
    """Compiled graphs."""
    engine_note: str | None = None
    """Why something was not compiled."""
    chunk_points: int | None = None
    """Points whose activations were held at once."""
    matmul_route: str | None = None
    matmul_error: float | None = None
    """Largest rms relative error of the route's matrix products against float64, measured in this process."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """How one attempt at a run ended. Failures are results."""

    spec: RunSpec
    status: Status
    error_type: str | None = None
    message: str | None = None
    traceback: str | None = None
    metrics: tuple[Measurement, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    probes: tuple[ProbeReading, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    cost: Cost = field(default_factory=Cost)


def parse_as(kind: Any, text: str, where: str) -> Any:
    """Return ``text`` read as the annotated type ``kind``: bool, int, float, str, Literal, tuple[float, ...], unions of these.

    >>> parse_as(float | None, "none", "omega"), parse_as(tuple[float, ...], "(1, 1, 0)", "s_min"), parse_as(int, "3", "k")
    (None, (1.0, 1.0, 0.0), 3)

    Raises BadValue, which names ``where``, what was given and what is expected.
    """
    text = text.strip()
    options = get_args(kind) if get_origin(kind) not in (tuple, Literal) and get_args(kind) else (kind,)
    for option in options:
        value = _read_one(option, text)
        if value is not _UNREAD:
            return value
    wanted = " or ".join(_type_name(option) for option in options)
    raise BadValue(f"{where}: expected {wanted}, got '{text}'")


_UNREAD = object()


def _read_one(kind: Any, text: str) -> Any:
    if get_origin(kind) is Literal:
        return text if text in get_args(kind) else _UNREAD
    if get_origin(kind) is tuple:
        inner = text.removeprefix("(").removesuffix(")")
        items = [_read_one(float, item.strip()) for item in inner.split(",")] if text.startswith("(") else [_UNREAD]
        return _UNREAD if _UNREAD in items else tuple(items)
    if kind is type(None):
        return None if text.lower() == "none" else _UNREAD
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), _UNREAD)
    if kind is str:
        return text
    try:
        value = kind(text)
        return value if math.isfinite(value) else _UNREAD
    except (TypeError, ValueError):
        return _UNREAD


def _type_name(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if get_origin(kind) is tuple:
        return "a list of numbers like (1,2,3)"
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "none"}
    return names.get(kind, str(kind))
