"""What goes to a worker and what comes back: names, paths and numbers, never plugin objects."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inrbench.spec import Protocol, RunSpec, Status

Artifacts = Literal["all", "last", "none"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run and what it takes to set it up elsewhere."""

    spec: RunSpec
    protocol: Protocol
    device: str
    """``cpu`` or ``cuda:i``."""
    plugin_files: tuple[str, ...]
    plugin_origin: str
    signal_file: str | None
    """The user's file, if the signal is one."""
    probes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a job ended."""

    status: Status
    message: str | None
    error_type: str | None
    wall_seconds: float
    primary: float | None
    artifact_bytes: int = 0
    note: str | None = None
    """What went wrong beside the run itself, which is ok."""


@dataclass(frozen=True, kw_only=True)
class PoolSettings:
    """What all jobs of one ``inrbench run`` share."""

    results: Path
    workers: int
    threads: int
    timeout: float | None
    """Seconds a run may take before its worker is killed; None for no limit."""
    artifacts: Artifacts
    """Whether runs leave their reconstruction and weights, or that at each point of the curve, or nothing."""
    code: tuple[str | None, bool | None]
    """Commit and dirtiness of the checkout, asked once."""
