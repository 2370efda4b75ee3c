"""A network's shape, a run, and how one attempt at it ended: frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Literal

from inrbench.errors import BadValue
from inrbench.spec.identity import digest
from inrbench.spec.label import MethodLabel
from inrbench.spec.metric import Measurement

Status = Literal["ok", "diverged", "timeout", "oom", "error", "skipped", "interrupted"]
Track = str
"""How methods are trained: ``paper`` (the paper's settings for all), ``authors`` (each method's own published settings),
``tuned-20`` (settings from a search with a budget of 20 runs) or ``search`` (its trials)."""
TUNED = "tuned"
Value = float | int | bool | str | tuple[float, ...] | None
"""What a method's parameter may be."""
Domain = tuple[tuple[float, float], ...]
"""The lowest and the highest value of each coordinate."""


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """The shape of a coordinate network, ``(N, in_features) -> (N, out_features)``, and the box that its coordinates fill.

    Args:
        in_features: Coordinates of a point.
        out_features: Values at a point.
        width: Channels of a nonlinear layer.
        n_layers: Nonlinear layers; a linear output layer follows. (Official repositories call this ``hidden_layers`` and
            disagree by one on what it means.)
        domain: The lowest and the highest value of each coordinate that the problem has; [-1, 1] for each if not given.

    Raises:
        BadValue: ``domain`` does not hold one increasing pair for each coordinate.
    """

    in_features: int
    out_features: int
    width: int
    n_layers: int
    domain: Domain = ()

    def __post_init__(self) -> None:
        domain = self.domain or ((-1.0, 1.0),) * self.in_features
        if len(domain) != self.in_features or not all(low < high for low, high in domain):
            raise BadValue(f"domain must hold (low, high) for each of {self.in_features} coordinate(s), got {domain}")
        object.__setattr__(self, "domain", domain)


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
        names = (each.name for each in fields(self) if each.name not in left_out)
        return digest({name: getattr(self, name) for name in names})[:32]

    @property
    def label(self) -> str:
        """The method as people write it: ``msa`` or ``msa[s_max=4.0]``."""
        return str(MethodLabel(self.method, self.variant))

    @property
    def title(self) -> str:
        """The run as people read it: ``kodak/kodim01 msa[s_max=4.0] seed 0``."""
        return run_title(self.task, self.signal, self.label, self.seed)

    def __str__(self) -> str:
        return f"{self.title} ({self.protocol})"


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
    matmul_backend: str | None = None
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
    error_share: float | None = None
    """The error that is left on what was fitted, as a share of the best constant's; of an equation, as a share of zero's."""
    trained: bool | None = None
    """Whether that share is below the task's margin; None where it is not known."""
    notes: tuple[str, ...] = ()
    """What there is to know of the input or of the method: a picture of little contrast, a clip cut short."""
    curve: tuple[CurvePoint, ...] = ()
    probes: tuple[ProbeReading, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    cost: Cost = field(default_factory=Cost)


def run_title(task: str, signal: str, label: object, seed: int) -> str:
    """Return what people read as the name of a run.

    Args:
        task: Name of the task.
        signal: Name of the signal.
        label: Method, with the parameters that were changed if they are known.
        seed: The seed.

    >>> run_title("kodak", "kodim01", "msa[s_max=4.0]", 0)
    'kodak/kodim01 msa[s_max=4.0] seed 0'
    """
    return f"{task}/{signal} {label} seed {seed}"


def variant_text(params: Mapping[str, Value]) -> str:
    """Return parameters as ``--methods`` takes them.

    >>> variant_text({"s_max": (1.0, 2.5), "amplitude": False, "omega": None})
    's_max=(1.0,2.5),amplitude=false,omega=none'
    """
    return ",".join(f"{name}={_as_text(value)}" for name, value in params.items())


def _as_text(value: Value) -> str:
    if isinstance(value, tuple):
        return f"({','.join(_as_text(item) for item in value)})"
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
