"""What goes to a worker and what comes back: names, paths and numbers, never plugin objects."""

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from inrbench.spec import Protocol, RunSpec, Status

Artifacts = Literal["all", "last", "none"]
ALWAYS_RETRIED: frozenset[Status] = frozenset({"skipped", "interrupted"})
"""Ends that say nothing about the run itself: it is tried again without being asked for."""


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
    notes: tuple[str, ...] = ()
    """What the plan knows and the row should say."""

    def with_seed(self, seed: int) -> "Job":
        """Return the same with another seed."""
        return replace(self, spec=replace(self.spec, seed=seed))


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """How a job ended."""

    status: Status
    message: str | None
    error_type: str | None
    wall_seconds: float
    primary: float | None
    artifact_bytes: int = 0
    note: str | None = None
    """What there is to say beside how the run itself went."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any], note: str | None = None) -> "RunOutcome":
        """Return the outcome that a stored attempt tells of."""
        metrics, artifacts = row["metrics"] or (), row["artifacts"] or ()
        return cls(
            status=row["status"],
            message=row["message"],
            error_type=row["error_type"],
            wall_seconds=row["wall_seconds"],
            primary=metrics[0]["value"] if metrics else None,
            artifact_bytes=sum(each["bytes"] for each in artifacts),
            note=note,
        )


@dataclass(frozen=True, kw_only=True)
class ExecutionSettings:
    """What all jobs of one ``inrbench run`` share."""

    results: Path
    workers: int
    threads: int
    timeout: float | None
    """Seconds a run may take before its worker is killed; None for no limit."""
    memory: float | None = None
    """GiB of host memory that a run may take; None for no limit."""
    artifacts: Artifacts
    """Whether runs leave their reconstruction and weights, or that at each point of the curve, or nothing."""
    code: tuple[str | None, bool | None]
    """Commit and dirtiness of the checkout, asked once."""
    known: frozenset[str]
    """Ids of the attempts that the plan knew of its runs: of those that failed and are done again."""
    bucket: str | None = None
    """The address of the object store that ``results`` is the mirror of, None for a folder of its own."""


@dataclass(frozen=True, kw_only=True)
class ExecutionRequest:
    """What an executor is given."""

    jobs: Sequence[Job]
    seconds: Sequence[float]
    """What each job will take, by estimate; 0 where that is not known."""
    settings: ExecutionSettings
    resources: Mapping[str, Any] = field(default_factory=dict)
    """What to ask a cluster for."""
    cancel_on_interrupt: bool = False
    """Whether Ctrl-C also ends what goes on elsewhere."""


class ProgressObserver(typing.Protocol):
    """Receives the progress of jobs."""

    def started(self, job: Job) -> None:
        """Receive that a worker has started a job."""

    def progress(self, job: Job, fraction: float, value: float) -> None:
        """Receive the fraction done and the last primary metric, NaN before the first point of the curve."""

    def finished(self, job: Job, outcome: RunOutcome) -> None:
        """Receive that a job has ended and its row is stored."""

    def waiting(self, jobs: Sequence[Job]) -> None:
        """Receive that only jobs are left which another command carries out at this moment."""


class NullObserver:
    """Ignores all progress. A base for observers that need a part of it."""

    def started(self, job: Job) -> None:
        """Do nothing."""

    def progress(self, job: Job, fraction: float, value: float) -> None:
        """Do nothing."""

    def finished(self, job: Job, outcome: RunOutcome) -> None:
        """Do nothing."""

    def waiting(self, jobs: Sequence[Job]) -> None:
        """Do nothing."""
