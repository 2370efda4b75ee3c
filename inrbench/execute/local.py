"""Running jobs on this machine: worker processes that can die, hang or be stopped without taking others along."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from ctypes import Array
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import psutil
from pebble import ProcessExpired, ProcessPool

from inrbench.execute.job import Job, Outcome, PoolSettings
from inrbench.spec import Cost, RunResult, Status
from inrbench.store import physical_cores

WORKER_BYTES = 3 * 2**30
"""What a CPU worker may need: the largest step that fits in memory by design, and the libraries."""
POLL_SECONDS = 0.2
SIGKILL_CODE = -9


class Listener(Protocol):
    """Who wants to know how things go."""

    def started(self, job: Job) -> None:
        """A worker has taken a job."""

    def progress(self, job: Job, fraction: float, value: float) -> None:
        """A job is ``fraction`` done; its primary metric was last ``value`` (NaN before the first look)."""

    def finished(self, job: Job, outcome: Outcome) -> None:
        """A job has ended, and its row is stored."""


def default_workers(device: str) -> int:
    """Return how many runs to carry out at once: on a GPU one; on a CPU one a core, as far as memory goes."""
    if device.startswith("cuda"):
        return 1
    return max(1, min(physical_cores(), psutil.virtual_memory().available // WORKER_BYTES))


def run_local(jobs: Sequence[Job], settings: PoolSettings, listener: Listener) -> bool:
    """Carry out jobs, in order, in ``settings.workers`` processes. Return False if stopped by Ctrl-C, True otherwise.

    Each job ends in one stored row: written by its worker, or by this process if the worker died, ran out of time or was
    stopped. Raises StoreError if a row cannot be stored; rows stored before stay.
    """
    context = multiprocessing.get_context("spawn")
    # Shared memory without locks: a worker that is killed while it writes cannot block anybody.
    board = context.RawArray("d", 3 * len(jobs))
    pool = ProcessPool(max_workers=settings.workers, initializer=_start, initargs=(settings, board), context=context)
    with _Stopped(pool):
        slots: dict[Future[Outcome], _Slot] = {
            pool.schedule(_execute, args=(job, settings, index), timeout=settings.timeout): _Slot(job, index)
            for index, job in enumerate(jobs)
        }
        try:
            for future in _as_they_end(slots, board, listener):
                slot = slots.pop(future)
                listener.finished(slot.job, _outcome(future, slot, settings))
        except KeyboardInterrupt:
            pool.stop()
            pool.join()
            for slot in slots.values():
                if slot.started is not None:
                    _store_failure(slot, settings, "interrupted", "KeyboardInterrupt", "stopped by Ctrl-C")
            return False
    return True


@dataclass
class _Slot:
    """A job that has not ended, and since when it runs."""

    job: Job
    index: int
    started: float | None = None


class _Stopped:
    """Stops a pool at the end of a block, also when an error leaves it."""

    def __init__(self, pool: ProcessPool) -> None:
        self.pool = pool

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        self.pool.stop()
        self.pool.join()


def _as_they_end(slots: dict[Future[Outcome], _Slot], board: "Array[Any]", listener: Listener) -> Iterator[Future[Outcome]]:
    while slots:
        ended, _ = wait(slots, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        for slot in slots.values():
            begun, fraction, value = board[3 * slot.index : 3 * slot.index + 3]
            if begun and slot.started is None:
                slot.started = time.perf_counter()
                listener.started(slot.job)
            if begun:
                listener.progress(slot.job, fraction, value)
        yield from ended


def _outcome(future: "Future[Outcome]", slot: _Slot, settings: PoolSettings) -> Outcome:
    """Return how a job ended; store the row if its worker could not."""
    try:
        return future.result()
    except FutureTimeoutError:
        text = f"stopped after {settings.timeout:g} s; allow more with --timeout"
        return _store_failure(slot, settings, "timeout", "Timeout", text)
    except ProcessExpired as error:
        if error.exitcode == SIGKILL_CODE:
            text = "the worker was killed (signal 9), most likely by the system for lack of memory"
            return _store_failure(slot, settings, "oom", "Killed", text)
        return _store_failure(slot, settings, "error", "WorkerDied", f"the worker process died with exit code {error.exitcode}")
    except CancelledError:
        return _store_failure(slot, settings, "interrupted", "Cancelled", "stopped before it ended")


def _store_failure(slot: _Slot, settings: PoolSettings, status: Status, kind: str, message: str) -> Outcome:
    from inrbench.execute.worker import store_result

    seconds = 0.0 if slot.started is None else time.perf_counter() - slot.started
    result = RunResult(spec=slot.job.spec, status=status, error_type=kind, message=message, cost=Cost(wall_seconds=seconds))
    return store_result(slot.job, settings, result, datetime.now(UTC))


_board: "Array[Any] | None" = None
"""In a worker: where it shows how far it is."""


def _start(settings: PoolSettings, board: "Array[Any]") -> None:
    from inrbench.execute.worker import start_worker

    global _board  # noqa: PLW0603 - a worker process has one board, and a pool gives its jobs no other way to reach it
    _board = board
    start_worker(settings)


def _execute(job: Job, settings: PoolSettings, index: int) -> Outcome:
    from inrbench.execute.worker import execute

    board = _board
    assert board is not None
    board[3 * index : 3 * index + 3] = [1.0, 0.0, float("nan")]

    def on_progress(fraction: float, value: float) -> None:
        board[3 * index + 1] = fraction
        board[3 * index + 2] = value

    return execute(job, settings, on_progress)
