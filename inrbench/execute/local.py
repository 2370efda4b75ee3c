"""Running jobs on this machine: worker processes that can die, hang or be stopped without taking others along."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from ctypes import Array
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
from pebble import ProcessExpired, ProcessPool

from inrbench.errors import BadValue, InrbenchError, StoreError
from inrbench.execute.cores import Cores
from inrbench.execute.job import ALWAYS_RETRIED, ExecutionRequest, ExecutionSettings, Job, ProgressObserver, RunOutcome
from inrbench.spec import Cost, RunResult, Status
from inrbench.store import (
    environment,
    lease,
    lease_in_bucket,
    mirror_of,
    new_attempt,
    new_attempt_id,
    open_mirror,
    physical_cores,
)

BYTES_PER_WORKER = 3 * 2**30
"""What a CPU worker may need: the largest step that fits in memory by design, and the libraries."""
POLL_SECONDS = 0.2
SIGKILL_CODE = -9
RESTART_CODE = 75
"""Exit code of a worker that wants to be replaced before it takes another job."""
POOL_STARTS = 3
SPIN_COUNT = "3000"
"""How long OpenMP's threads wait without sleeping, in its own unit: 100 times less than usual, about 10 microseconds.

It costs a lone command nothing that can be measured. Two commands that use all cores are then three times as slow as one; as
long as usual, each wastes the cores that the other needs, and both are 28 times as slow (``benchmarks/two_commands.py``)."""
LEASE_POLL_SECONDS = 1.0
"""Between two looks at runs that another command carries out."""


def workers_for(device: str, jobs: int | None = None, share_gpu: int | None = None) -> int:
    """Return how many runs to carry out at once: as many as asked for, else on a CPU one a core, as far as memory goes.

    On a GPU it is one, unless it is said that runs may share it: what they share, their times do not measure. Raises BadValue.
    """
    if device.startswith("cuda"):
        if jobs is not None and jobs > 1:
            raise BadValue(
                f"--jobs {jobs} on {device}: a run has a GPU for itself, so that its times are its own; "
                f"if times do not matter: inrbench run --share-gpu {jobs}"
            )
        return share_gpu or 1
    if share_gpu is not None:
        raise BadValue(f"--share-gpu {share_gpu} on {device}: there is no GPU to share; --jobs says how many runs at a time")
    return jobs or max(1, min(physical_cores(), psutil.virtual_memory().available // BYTES_PER_WORKER))


def execute_locally(work: ExecutionRequest, observer: ProgressObserver) -> bool:
    """Carry out work here: the executor ``local``. Raises BadValue for resources, which only clusters know."""
    if work.resources:
        raise BadValue(f"--resource {next(iter(work.resources))}: --executor local takes none; --jobs says how many at a time")
    runs = [job.spec.run_id for job in work.jobs]
    with lease(work.settings.results, f"command-{new_attempt_id()}", runs=runs, known=sorted(work.settings.known)):
        return run_local(work.jobs, work.settings, observer)


def run_local(jobs: Sequence[Job], settings: ExecutionSettings, observer: ProgressObserver) -> bool:
    """Carry out jobs, in order, in ``settings.workers`` processes. Return False if stopped by Ctrl-C, True otherwise.

    Each job ends in one stored row: written by its worker, or by this process if the worker died, ran out of time or was
    stopped. What another command carries out at the time is left for last, and not done again if that ends it.
    Raises StoreError if a row cannot be stored, InrbenchError if workers cannot be started; rows stored before stay.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)  # read by the workers when they load it
    with _hide_main_module():
        return _run_pools(jobs, settings, observer)


def _run_pools(jobs: Sequence[Job], settings: ExecutionSettings, observer: ProgressObserver) -> bool:
    context = multiprocessing.get_context("spawn")
    # Shared memory without locks: a worker that is killed while it writes cannot block anybody.
    progress_array = context.RawArray("d", 3 * len(jobs))
    cores = Cores(context, settings.workers)
    waiting = [_Pending(job, index) for index, job in enumerate(jobs)]
    for _ in range(POOL_STARTS):
        pool = ProcessPool(
            max_workers=settings.workers, initializer=_start, initargs=(settings, progress_array, cores), context=context
        )
        with _StopAtExit(pool):
            try:
                waiting = _run_pool(pool, waiting, settings, progress_array, observer)
            except KeyboardInterrupt:
                return False
        if not waiting:
            return True
    raise InrbenchError(
        f"worker processes die before they take a run, {POOL_STARTS} times now; is there enough memory? Try --jobs 1"
    )


@contextmanager
def _hide_main_module() -> Iterator[None]:
    """Hide the main module from new processes: they would run it again, a user's script that calls us among them."""
    main = sys.modules["__main__"]
    file, spec = vars(main).pop("__file__", None), main.__spec__
    main.__spec__ = None
    try:
        yield
    finally:
        main.__spec__ = spec
        if file is not None:
            main.__file__ = file


def _run_pool(
    pool: ProcessPool,
    waiting: Sequence["_Pending"],
    settings: ExecutionSettings,
    progress_array: "Array[Any]",
    observer: ProgressObserver,
) -> list["_Pending"]:
    """Carry out jobs until all have ended, or the pool has broken; return those that are left then."""
    left = {slot.index: slot for slot in waiting}
    try:
        _drain(left, pool, settings, progress_array, observer)
    except KeyboardInterrupt:
        pool.stop()
        pool.join()
        for slot in left.values():
            if progress_array[3 * slot.index]:
                _store_failure(slot, settings, "interrupted", "KeyboardInterrupt", "stopped by Ctrl-C")
        raise
    except RuntimeError:  # a broken pool takes no more jobs
        if pool.active:
            raise
    return list(left.values())


def _drain(
    left: dict[int, "_Pending"],
    pool: ProcessPool,
    settings: ExecutionSettings,
    progress_array: "Array[Any]",
    observer: ProgressObserver,
) -> None:
    """Carry out jobs, and take them out of ``left`` as they end. What another command holds comes up again at the end."""
    futures: dict[Future[RunOutcome | None], _Pending] = {}

    def schedule(slot: _Pending) -> None:
        futures[pool.schedule(_execute, args=(slot.job, settings, slot.index), timeout=settings.timeout)] = slot

    held = list(left.values())
    while held:
        with _block_sigint():
            for slot in held:
                schedule(slot)
        held = []
        for future in _as_completed(pool, futures, progress_array, observer):
            slot = futures.pop(future)
            ending = future.exception()
            if isinstance(ending, BrokenProcessPool):  # a worker died before it took a job: left for the next pool
                continue
            if isinstance(ending, ProcessExpired) and ending.exitcode == RESTART_CODE:
                schedule(slot)
            elif (outcome := _outcome(future, slot, settings)) is None:
                held.append(slot)
            else:
                observer.finished(slot.job, outcome)
                del left[slot.index]
        if held:
            observer.waiting([slot.job for slot in held])
            time.sleep(LEASE_POLL_SECONDS)


@contextmanager
def _block_sigint() -> Iterator[None]:
    """Let threads and processes started in the block never see Ctrl-C: a terminal sends it to all, and it is for us alone."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass
class _Pending:
    """A job that has not ended, and since when it runs."""

    job: Job
    index: int
    started: float | None = None


class _StopAtExit:
    """Stops a pool at the end of a block, also when an error leaves it."""

    def __init__(self, pool: ProcessPool) -> None:
        self.pool = pool

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        self.pool.stop()
        self.pool.join()


def _as_completed(
    pool: ProcessPool,
    futures: dict[Future[RunOutcome | None], _Pending],
    progress_array: "Array[Any]",
    observer: ProgressObserver,
) -> Iterator[Future[RunOutcome | None]]:
    """Yield futures as they end, and tell the listener how the others go; stop when the pool is broken and none ends any more.

    A pool that breaks leaves futures behind that never end: those it had not handed out yet.
    """
    while futures:
        alive = pool.active
        ended, _ = wait(futures, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        for slot in futures.values():
            begun, fraction, value = progress_array[3 * slot.index : 3 * slot.index + 3]
            if begun and slot.started is None:
                slot.started = time.perf_counter()
                observer.started(slot.job)
            if begun:
                observer.progress(slot.job, fraction, value)
        yield from ended
        if not alive and not ended:
            return


def _outcome(future: "Future[RunOutcome | None]", slot: _Pending, settings: ExecutionSettings) -> RunOutcome | None:
    """Return how a job ended, None if it is another command's; store the row if its worker could not."""
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
    except StoreError:
        raise
    except Exception as error:  # a result that could not be turned into a row
        return _store_failure(slot, settings, "error", type(error).__name__, str(error))


def _store_failure(slot: _Pending, settings: ExecutionSettings, status: Status, kind: str, message: str) -> RunOutcome:
    seconds = 0.0 if slot.started is None else time.perf_counter() - slot.started
    return store_failure(slot.job, settings, status, kind, message, seconds)


def store_failure(job: Job, settings: ExecutionSettings, status: Status, kind: str, message: str, seconds: float) -> RunOutcome:
    """Store the row of a job whose worker could not, which took ``seconds``. Raises StoreError."""
    from inrbench.execute.worker import store_result

    facts = environment(job.device, settings.threads, settings.workers, settings.code)
    result = RunResult(spec=job.spec, status=status, error_type=kind, message=message, cost=Cost(wall_seconds=seconds))
    return store_result(job, settings, result, facts, datetime.now(UTC) - timedelta(seconds=seconds))


_progress_array: "Array[Any] | None" = None
"""In a worker: where it shows how far it is."""
_must_restart = False
"""In a worker: whether a run has failed in it. What that leaves behind, a dead CUDA context for one, must not reach others."""


def _start(settings: ExecutionSettings, progress_array: "Array[Any]", cores: Cores) -> None:
    from inrbench.execute.worker import start_worker

    cores.claim()
    if settings.bucket:
        open_mirror(settings.bucket, settings.results)

    global _progress_array  # noqa: PLW0603 - a worker process has one board, and a pool gives its jobs no other way to reach it
    _progress_array = progress_array
    start_worker(settings)


def _execute(job: Job, settings: ExecutionSettings, index: int) -> RunOutcome | None:
    """Carry out a job, unless another command does at this moment: then return None."""
    if _must_restart:
        os._exit(RESTART_CODE)
    spec = job.spec
    what = f"{spec.task}/{spec.signal} {spec.label} seed {spec.seed}"
    with (
        lease(settings.results, spec.run_id, what=what) as ours,
        lease_in_bucket(settings.bucket, spec.run_id) if ours else nullcontext(False) as alone,
    ):
        if not alone:
            return None
        remote = mirror_of(settings.results)
        if remote:
            remote.fetch_runs(spec.task, spec.method)
        row = new_attempt(settings.results, spec.task, spec.method, spec.run_id, settings.known)
        if row is not None and row["status"] not in ALWAYS_RETRIED and not job.probes:  # which the other may not have read
            return RunOutcome.from_row(row, note="carried out by another command meanwhile")
        outcome = _carry_out(job, settings, index)
        if remote:
            remote.send_run(spec.task, spec.method, spec.run_id)  # before the lease goes, so that the next sees it
        return outcome


def _carry_out(job: Job, settings: ExecutionSettings, index: int) -> RunOutcome:
    from inrbench.execute.worker import execute

    global _must_restart  # noqa: PLW0603 - as above
    progress_array = _progress_array
    assert progress_array is not None
    progress_array[3 * index : 3 * index + 3] = [1.0, 0.0, float("nan")]

    def on_progress(fraction: float, value: float) -> None:
        progress_array[3 * index + 1] = fraction
        progress_array[3 * index + 2] = value

    _must_restart = True
    outcome = execute(job, settings, on_progress)
    _must_restart = outcome.status in ("error", "oom")
    return outcome
