"""What goes to a worker and what comes back: names, paths and numbers, never plugin objects."""

from dataclasses import dataclass
from pathlib import Path

from inrbench.spec import Protocol, RunSpec, Status


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
    artifacts: bool
    """Whether runs leave reconstructions to look at."""
    code: tuple[str | None, bool | None]
    """Commit and dirtiness of the checkout, asked once."""
