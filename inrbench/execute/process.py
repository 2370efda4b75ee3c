"""The code that runs in a worker process: set it up, and carry out one job unless another command is doing that."""

import os
import signal
from collections.abc import Sequence
from contextlib import nullcontext
from ctypes import Array
from dataclasses import astuple, fields
from typing import Any

from inrbench.execute.cores import Cores
from inrbench.execute.job import ALWAYS_RETRIED, STOPPED_CODE, ExecutionSettings, Job, RunOutcome
from inrbench.spec import Progress
from inrbench.store import lease, lease_in_bucket, mirror_of, new_attempt, open_mirror

ENTRIES = 1 + len(fields(Progress))
"""Numbers in the shared array for each job: whether it has begun, and its progress."""
RESTART_CODE = 75
"""Exit code of a worker that must be replaced before it takes another job."""

_progress: "Array[Any] | None" = None
"""Shared array of progress: ``ENTRIES`` numbers for each job, and 1 at the end if the runs should stop."""
_running = _terminated = False
"""Whether a run is being carried out, and whether this process has received SIGTERM during it."""
_must_restart = False
"""Whether a run failed in this process. What that leaves behind, such as a dead CUDA context, must not affect other runs."""


def start_process(settings: ExecutionSettings, progress: "Array[Any]", cores: Cores) -> None:
    """Prepare a fresh worker process.

    Args:
        settings: What all jobs share.
        progress: The shared progress array.
        cores: The cores that workers pin themselves to.
    """
    from inrbench.execute.worker import start_worker

    cores.claim()
    if settings.bucket:
        open_mirror(settings.bucket, settings.results)

    global _progress  # noqa: PLW0603 - a pool gives its jobs no other way to reach the array
    _progress = progress
    start_worker(settings)
    signal.signal(signal.SIGTERM, _on_sigterm)
    for name in ("SIGUSR1", "SIGUSR2"):  # a scheduler may send them to all processes: the command handles them
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _on_sigterm(number: int, frame: object) -> None:
    """Let the current run write a checkpoint; end the process if there is none."""
    global _terminated  # noqa: PLW0603 - a signal handler has no other way to report
    _terminated = True
    if not _running:
        os._exit(STOPPED_CODE)


def run_job(job: Job, settings: ExecutionSettings, index: int) -> RunOutcome | None:
    """Carry out a job; return None if another command carries it out at this moment.

    Args:
        job: The job.
        settings: What all jobs share.
        index: Place of the job in the progress array.
    """
    if _must_restart:
        os._exit(RESTART_CODE)
    if _progress is not None and _progress[-1]:
        return None  # the command is stopping
    spec = job.spec

    def progress() -> Progress | None:
        return None if _progress is None else progress_in(_progress, index)

    with (
        lease(settings.results, spec.run_id, progress=progress, what=spec.title) as leased,
        lease_in_bucket(settings.bucket, spec.run_id) if leased else nullcontext(False) as leased_in_bucket,
    ):
        if not leased_in_bucket:
            return None
        remote = mirror_of(settings.results)
        if remote:
            remote.fetch_runs(spec.task, spec.method)
        row = new_attempt(settings.results, spec.task, spec.method, spec.run_id, settings.known)
        if row is not None and row["status"] not in ALWAYS_RETRIED and not job.probes:  # that run may have read no probes
            return RunOutcome.from_row(row, note="carried out by another command meanwhile")
        outcome = _execute(job, settings, index)
        if remote:
            remote.send_run(spec.task, spec.method, spec.run_id)  # before the lease ends, so that its next owner sees the run
        return outcome


def progress_in(array: "Sequence[float] | Array[Any]", index: int) -> Progress | None:
    """Return the progress of a job in the shared array; None if it has not begun."""
    begun, step, steps, *rest = array[ENTRIES * index : ENTRIES * (index + 1)]
    return Progress(int(step), int(steps), *rest) if begun else None


def _execute(job: Job, settings: ExecutionSettings, index: int) -> RunOutcome:
    from inrbench.execute.worker import execute

    global _must_restart  # noqa: PLW0603 - as above
    progress = _progress
    assert progress is not None

    def on_progress(made: Progress) -> None:
        progress[ENTRIES * index : ENTRIES * (index + 1)] = [1.0, *astuple(made)]

    on_progress(Progress())

    global _running  # noqa: PLW0603 - as above
    _must_restart = _running = True
    outcome = execute(job, settings, on_progress, lambda: _terminated or bool(progress[-1]), lambda: _terminated)
    _running = False
    _must_restart = outcome.status in ("error", "oom")
    return outcome
