"""Frozen data: the shape of a network, a run, and the outcome of an attempt at it."""

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
"""How methods are trained.

``paper``: the paper's settings for all methods. ``authors``: each method's own published settings. ``tuned-20``: settings from
a search with a budget of 20 runs. ``search``: the trials of such a search.
"""
TUNED = "tuned"
Value = float | int | bool | str | tuple[float, ...] | None
"""The types that a method's parameter may have."""
Domain = tuple[tuple[float, float], ...]
"""The lowest and the highest value of each coordinate."""


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """The shape of a coordinate network, ``(N, in_features) -> (N, out_features)``, and the domain of its coordinates.

    Args:
        in_features: Number of coordinates of a point.
        out_features: Number of values at a point.
        width: Channels of a nonlinear layer.
        n_layers: Number of nonlinear layers; a linear output layer follows. (Official repositories call this
            ``hidden_layers`` and disagree by one on its meaning.)
        domain: The lowest and the highest value of each coordinate in the problem; [-1, 1] for each if not given.

    Raises:
        BadValue: ``domain`` does not have one increasing pair per coordinate.
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
    """One run: a (task, signal, protocol, method + parameters, seed) on one class of device with one engine.

    Args:
        task: Name of the task.
        task_version: Version of the task.
        signal: Name of the signal.
        signal_sha256: Hash of the fitted data.
        method: Name of the method.
        method_sha256: Hash of the method's code.
        params: All parameters of the method.
        variant: The parameters that differ from the method's settings for this task, as text: ``s_max=4.0``; empty for none.
        protocol: Name of the protocol.
        protocol_fingerprint: Fingerprint of the protocol.
        seed: The seed.
        device_class: ``cpu`` or ``cuda``.
        engine: ``fast`` or ``reference``.
        track: How the method is trained (see ``Track``).
        training: What the track changes in the protocol for this method, as ``--set`` takes it. The fingerprint is that of the
            protocol without these changes: methods of a track share a table although each is trained in its own way.
    """

    task: str
    task_version: str
    signal: str
    signal_sha256: str
    method: str
    method_sha256: str
    params: Mapping[str, Value]
    variant: str
    protocol: str
    protocol_fingerprint: str
    seed: int
    device_class: Literal["cpu", "cuda"]
    engine: Literal["fast", "reference"] = "fast"
    track: Track = "paper"
    training: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def run_id(self) -> str:
        """128 bits that identify the run, as 32 hexadecimal digits. The names of variants and protocols are not part of it."""
        before_tracks = self.track == "paper" and not self.training
        left_out = {"variant", "protocol", *(("track", "training") if before_tracks else ())}
        names = (each.name for each in fields(self) if each.name not in left_out)
        return digest({name: getattr(self, name) for name in names})[:32]

    @property
    def label(self) -> str:
        """The method for display: ``msa`` or ``msa[s_max=4.0]``."""
        return str(MethodLabel(self.method, self.variant))

    @property
    def title(self) -> str:
        """The run as people read it: ``kodak/kodim01 msa[s_max=4.0] seed 0``."""
        return run_title(self.task, self.signal, self.label, self.seed)

    def __str__(self) -> str:
        return f"{self.title} ({self.protocol})"


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One point of a learning curve.

    Args:
        step: Number of optimiser steps so far.
        train_seconds: Seconds of training so far.
        loss: The loss of this step, on its batch.
        lr: The learning rate of this step.
        value: The protocol's primary metric; None if it was not measured.
    """

    step: int
    train_seconds: float
    loss: float
    lr: float
    value: float | None


@dataclass(frozen=True, kw_only=True)
class ProbeReading:
    """One number that a probe measured.

    Args:
        probe: Name of the probe.
        step: Number of optimiser steps so far; 0 is the start.
        name: What was measured, such as a layer or a share.
        value: The number.
    """

    probe: str
    step: int
    name: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file that a run stored.

    Args:
        name: Name of the file.
        file: Name in the store, a hash of the file's content.
        bytes: Size of the file.
    """

    name: str
    file: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of a run.

    Seconds are wall time with the device synchronised. ``data_seconds``, ``compile_seconds``, ``train_seconds`` and
    ``eval_seconds`` do not overlap and are part of ``wall_seconds``.

    Args:
        data_seconds: Time for loading the data.
        compile_seconds: Time for compilation.
        train_seconds: Time for training.
        eval_seconds: Time for evaluation.
        wall_seconds: Time of the whole run.
        steps: Number of optimiser steps.
        points_seen: Number of points in all steps together.
        steps_per_second: Steps per second of training.
        flops_per_step: Floating-point operations per step.
        n_params: Trainable real scalars; a complex number counts twice.
        n_params_stored: All real scalars of the state, including frozen ones and buffers.
        n_params_deployed: All real scalars that remain when the parts that only training needs have been multiplied out.
        model_bytes: Size of the stored state.
        host_peak_bytes: Peak memory of the process above its level before the run; None if the platform cannot reset the peak.
        gpu_peak_allocated_bytes: Peak of the allocated GPU memory, minus what was in use before the run.
        gpu_peak_reserved_bytes: Peak of the reserved GPU memory, likewise.
        gpu_shared: Whether others used the GPU during the run, as far as could be seen; None on a CPU.
        resumptions: How often the run was continued from a checkpoint. Its seconds are then sums over all parts, and its memory
            is not known.
        compiled: Whether the step was compiled.
        graphs: Number of compiled graphs.
        engine_note: Why something was not compiled.
        chunk_points: Number of points whose activations were in memory at once.
        matmul_backend: Name of the matmul backend.
        matmul_error: Largest relative RMS error of the backend's matrix products against float64, measured in this process.
    """

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
    n_params_stored: int | None = None
    n_params_deployed: int | None = None
    model_bytes: int | None = None
    host_peak_bytes: int | None = None
    gpu_peak_allocated_bytes: int | None = None
    gpu_peak_reserved_bytes: int | None = None
    gpu_shared: bool | None = None
    resumptions: int | None = None
    compiled: bool | None = None
    graphs: int | None = None
    engine_note: str | None = None
    chunk_points: int | None = None
    matmul_backend: str | None = None
    matmul_error: float | None = None


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """The outcome of one attempt at a run. A failure is also a result.

    Args:
        spec: The run.
        status: How the attempt ended.
        error_type: Type of the error, if there was one.
        message: Message of the error.
        traceback: Traceback of the error.
        metrics: The measurements.
        error_share: The remaining error on the fitted data, as a share of the error of the best constant; for an equation, as a
            share of the error of the zero function.
        trained: Whether ``error_share`` is below the task's limit ``trained_below``; None if it is not known.
        notes: Remarks on the input or the method: a picture of low contrast, a clip that was shortened.
        curve: The learning curve.
        probes: The readings of the probes.
        artifacts: The files that the run stored.
        cost: The cost of the run.
    """

    spec: RunSpec
    status: Status
    error_type: str | None = None
    message: str | None = None
    traceback: str | None = None
    metrics: tuple[Measurement, ...] = ()
    error_share: float | None = None
    trained: bool | None = None
    notes: tuple[str, ...] = ()
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
    """Return parameters in the form that ``--methods`` takes.

    >>> variant_text({"s_max": (1.0, 2.5), "amplitude": False, "omega": None})
    's_max=(1.0,2.5),amplitude=false,omega=none'
    """
    return ",".join(f"{name}={_as_text(value)}" for name, value in params.items())


def _as_text(value: Value) -> str:
    if isinstance(value, tuple):
        return f"({','.join(_as_text(item) for item in value)})"
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
