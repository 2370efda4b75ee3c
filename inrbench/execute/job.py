"""What goes to a worker and what comes back: names, paths and numbers, never plugin objects."""

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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


@dataclass(frozen=True, kw_only=True)
class Work:
    """What an executor is given."""

    jobs: Sequence[Job]
    seconds: Sequence[float]
    """What each job will take, by estimate; 0 where that is not known."""
    settings: PoolSettings
    since: str
    """An attempt id from before the plan: what the store holds that is newer, the plan did not know."""
    resources: Mapping[str, Any] = field(default_factory=dict)
    """What to ask a cluster for."""
    cancel_on_interrupt: bool = False
    """Whether Ctrl-C also ends what goes on elsewhere."""


class Listener(typing.Protocol):
    """Who wants to know how things go."""

    def started(self, job: Job) -> None:
        """A worker has taken a job."""

    def progress(self, job: Job, fraction: float, value: float) -> None:
        """A job is ``fraction`` done; its primary metric was last ``value`` (NaN before the first look)."""

    def finished(self, job: Job, outcome: Outcome) -> None:
        """A job has ended, and its row is stored."""
