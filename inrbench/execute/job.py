"""The data exchanged with workers: names, paths and numbers, never plugin objects."""

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from inrbench.spec import Progress, Protocol, RunSpec, Status

Artifacts = Literal["all", "last", "none"]
CHECKPOINT_SECONDS = 300.0
"""Seconds between two checkpoints of a run, unless the user sets another number."""
STOPPED_CODE = 76
"""Exit code of a worker that received SIGTERM. Its run, if it had one, wrote a checkpoint and no row."""
ALWAYS_RETRIED: frozenset[Status] = frozenset({"skipped", "interrupted"})
"""Statuses that are not results of the run itself. Such runs are repeated without ``--retry-failed``."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run, with all that a worker needs to set it up.

    Args:
        spec: The run.
        protocol: The protocol of the run, with the changes of its recipe.
        device: ``cpu`` or ``cuda:i``.
        plugin_files: Files with the user's methods and tasks.
        plugin_origin: Origin of the method: ``builtin``, ``dist==version`` or ``file:path``.
        signal_file: The user's file, if the signal is one.
        probes: Probes to read during the run.
        notes: Notes of the plan, to be stored in the row.
        metrics: Metrics to compute besides the primary one; empty for all of the protocol.
    """

    spec: RunSpec
    protocol: Protocol
    device: str
    plugin_files: tuple[str, ...]
    plugin_origin: str
    signal_file: str | None
    probes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()

    def with_seed(self, seed: int) -> "Job":
        """Return the same job with a different seed."""
        return replace(self, spec=replace(self.spec, seed=seed))


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """How a job ended.

    Args:
        status: Status of the run.
        message: Message of the error; None if the run is ok.
        error_type: Type of the error; None if the run is ok.
        wall_seconds: Wall time of the run.
        primary: Value of the primary metric; None if it was not measured.
        artifact_bytes: Size of the stored artifacts.
        note: What to report in addition to how the run ended.
    """

    status: Status
    message: str | None
    error_type: str | None
    wall_seconds: float
    primary: float | None
    artifact_bytes: int = 0
    note: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any], note: str | None = None) -> "RunOutcome":
        """Return the outcome that a stored attempt describes."""
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
    """What all jobs of one ``inrbench run`` share.

    Args:
        results: The results folder.
        workers: Number of worker processes.
        threads: CPU threads per worker.
        timeout: Seconds that a run may take before its worker is killed; None for no limit.
        memory: Host memory in GiB that a run may take; None for no limit.
        checkpoint_seconds: Seconds between two checkpoints of a run.
        deadline: Time, in seconds since 1970, at which runs write a checkpoint and stop; None for none.
        artifacts: What runs store: ``last`` (the last reconstruction and weights), ``all`` (also reconstructions along the
            curve) or ``none``.
        code: Commit of the checkout, and whether it has uncommitted changes; None for each if there is no checkout.
        known: Ids of the attempts that were stored, when the plan was made, for the runs that are now repeated.
        bucket: Address of the object store that ``results`` mirrors; None if the folder mirrors none.
    """

    results: Path
    workers: int
    threads: int
    timeout: float | None
    memory: float | None = None
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    deadline: float | None = None
    artifacts: Artifacts
    code: tuple[str | None, bool | None]
    known: frozenset[str]
    bucket: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExecutionRequest:
    """What an executor receives.

    Args:
        jobs: The jobs to carry out.
        seconds: Estimated seconds of each job; 0 if not known.
        settings: What all jobs share.
        resources: What to request from a cluster.
        cancel_on_interrupt: Whether Ctrl-C also cancels runs on a cluster.
    """

    jobs: Sequence[Job]
    seconds: Sequence[float]
    settings: ExecutionSettings
    resources: Mapping[str, Any] = field(default_factory=dict)
    cancel_on_interrupt: bool = False


class ProgressObserver(typing.Protocol):
    """Receives the progress of jobs."""

    def started(self, job: Job) -> None:
        """Handle the start of a job by a worker."""

    def progress(self, job: Job, progress: Progress) -> None:
        """Handle the progress of a job, several times per second."""

    def finished(self, job: Job, outcome: RunOutcome) -> None:
        """Handle the end of a job, whose row is stored."""

    def waiting(self, jobs: Sequence[Job]) -> None:
        """Handle a wait: another command is carrying out all remaining jobs."""


class NullObserver:
    """Ignores all progress. A base for observers that need a part of it."""

    def started(self, job: Job) -> None:
        """Do nothing."""

    def progress(self, job: Job, progress: Progress) -> None:
        """Do nothing."""

    def finished(self, job: Job, outcome: RunOutcome) -> None:
        """Do nothing."""

    def waiting(self, jobs: Sequence[Job]) -> None:
        """Do nothing."""
