"""A pool of worker processes. Each run has a process that can crash, hang or be stopped without affecting other runs."""

import multiprocessing
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pebble import ProcessExpired, ProcessPool

from inrbench.errors import InrbenchError, StoreError
from inrbench.execute.cores import Cores
from inrbench.execute.job import STOPPED_CODE, ExecutionSettings, Job, ProgressObserver, RunOutcome
from inrbench.execute.process import ENTRIES, RESTART_CODE, progress_in, run_job, start_process
from inrbench.spec import Cost, RunResult, Status
from inrbench.store import environment

POLL_SECONDS = 0.2
"""Seconds between two reports of progress."""
LEASE_POLL_SECONDS = 1.0
"""Seconds between two checks of runs that another command carries out."""
STOP_SECONDS = 60.0
"""Seconds that runs get to write a checkpoint when the command stops: one step may take that long."""
SIGKILL_CODE = -9
POOL_STARTS = 3
"""Number of times that a pool is started if its workers die before their first run."""

Outcome = RunOutcome | None
"""How a job ended; None if another command carries it out."""


@dataclass
class _Pending:
    """A job that has not ended, its place in the shared progress array, and the time at which it started."""

    job: Job
    index: int
    started: float | None = None


class WorkerPool:
    """Carries out jobs in worker processes of this machine. Each job ends in one stored row.

    Args:
        jobs: The jobs, in the order in which they are started.
        settings: What all jobs share: results folder, number of workers, limits.
        observer: Receives progress and outcomes.
    """

    def __init__(self, jobs: Sequence[Job], settings: ExecutionSettings, observer: ProgressObserver) -> None:
        self._settings, self._observer = settings, observer
        self._context = multiprocessing.get_context("spawn")
        # shared memory without locks: a worker that is killed while it writes blocks no other process
        self._progress = self._context.RawArray("d", ENTRIES * len(jobs) + 1)
        self._cores = Cores(self._context, settings.workers)
        self._pending = {index: _Pending(job, index) for index, job in enumerate(jobs)}
        self._futures: dict[Future[Outcome], _Pending] = {}
        self._interrupted = False
        """Whether a run has written a checkpoint and ended."""

    def run(self) -> bool:
        """Carry out all jobs. Return False if Ctrl-C or the deadline stopped them, True otherwise.

        Runs that are stopped write a checkpoint first, and the same command continues from there.

        A row is written by the job's worker, or by this process if the worker died, ran out of time or was stopped. Runs that
        another command carries out are left for last, and are not repeated if that command finishes them.

        Raises:
            StoreError: A row cannot be stored. Rows that are stored already are not lost.
            InrbenchError: Workers cannot be started.
        """
        for _ in range(POOL_STARTS):
            with self._process_pool() as pool:
                try:
                    self._run_in(pool)
                except KeyboardInterrupt:
                    return False
            if not self._pending:
                return not self._interrupted
            if self._stopping:
                return False
        raise InrbenchError(
            f"worker processes died before they took a run, in all {POOL_STARTS} attempts; is there enough memory? Try --jobs 1"
        )

    @contextmanager
    def _process_pool(self) -> Iterator[ProcessPool]:
        """Yield a pool of processes, and stop it at the end of the block, also after an error."""
        pool = ProcessPool(
            max_workers=self._settings.workers,
            initializer=start_process,
            initargs=(self._settings, self._progress, self._cores),
            context=self._context,
        )
        try:
            yield pool
        finally:
            pool.stop()
            pool.join()

    @property
    def _stopping(self) -> bool:
        return bool(self._progress[-1])

    def _has_trained(self, pending: _Pending) -> bool:
        """Return whether a job has taken a step, so that it can write a checkpoint."""
        progress = progress_in(self._progress, pending.index)
        return progress is not None and progress.step > 0

    def request_stop(self) -> None:
        """Ask all runs to write a checkpoint and end, and start no others."""
        self._progress[-1] = 1.0

    def _run_in(self, pool: ProcessPool) -> None:
        """Carry out jobs until all have ended, the pool has broken, or the runs are stopped."""
        try:
            self._drain(pool)
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):  # a second one does not wait
                self.stop_runs()
            pool.stop()
            pool.join()
            for pending in self._pending.values():
                if progress_in(self._progress, pending.index):
                    self._store_failure(pending, "interrupted", "KeyboardInterrupt", "stopped by Ctrl-C")
            raise
        except RuntimeError:  # a broken pool accepts no more jobs
            if pool.active:
                raise

    def stop_runs(self, patience: float = STOP_SECONDS) -> None:
        """Ask the runs to write a checkpoint and end, and wait for those that have taken a step.

        Args:
            patience: Seconds to wait at most. A step on a large image may take some.
        """
        self.request_stop()
        limit = time.monotonic() + patience
        while time.monotonic() < limit:
            training = [future for future, pending in self._futures.items() if self._has_trained(pending)]
            if not training:
                return
            for future in wait(training, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED).done:
                self._end(future)

    def _end(self, future: Future[Outcome]) -> bool:
        """Report the end of a job. Return False if another command carries it out, or if it was not started."""
        pending = self._futures.pop(future)
        outcome = self._outcome(future, pending)
        if outcome is None:
            return False
        self._interrupted |= outcome.status == "interrupted"
        self._observer.finished(pending.job, outcome)
        del self._pending[pending.index]
        return True

    def _drain(self, pool: ProcessPool) -> None:
        """Carry out jobs, and remove each as it ends. Runs that another command carries out are tried again at the end."""
        futures = self._futures = {}

        def schedule(pending: _Pending) -> None:
            arguments = (pending.job, self._settings, pending.index)
            futures[pool.schedule(run_job, args=arguments, timeout=self._settings.timeout)] = pending

        elsewhere = list(self._pending.values())
        while elsewhere and not self._stopping:
            with block_sigint():
                for pending in elsewhere:
                    schedule(pending)
            elsewhere = []
            for future in self._as_completed(pool):
                error = future.exception()
                if isinstance(error, BrokenProcessPool):  # a worker died before it took a job: left for the next pool
                    futures.pop(future)
                elif isinstance(error, ProcessExpired) and error.exitcode == RESTART_CODE:
                    schedule(futures.pop(future))
                else:
                    pending = futures[future]
                    if not self._end(future):
                        elsewhere.append(pending)
            if elsewhere and not self._stopping:
                self._observer.waiting([pending.job for pending in elsewhere])
                time.sleep(LEASE_POLL_SECONDS)

    def _as_completed(self, pool: ProcessPool) -> Iterator[Future[Outcome]]:
        """Yield futures as they end, and report the progress of the others. Stop if the pool is broken and no more of them end.

        A broken pool leaves futures that never end, for jobs that it had not handed out yet. After the deadline the runs are
        stopped, and the futures of jobs that were not started are left.
        """
        while self._futures:
            alive = pool.active
            ended, _ = wait(self._futures, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            for pending in self._futures.values():
                progress = progress_in(self._progress, pending.index)
                if progress is None:
                    continue
                if pending.started is None:
                    pending.started = time.perf_counter()
                    self._observer.started(pending.job)
                self._observer.progress(pending.job, progress)
            yield from ended
            if self._settings.deadline is not None and time.time() >= self._settings.deadline:
                self.stop_runs()
                return
            if not alive and not ended:
                return

    def _outcome(self, future: Future[Outcome], pending: _Pending) -> Outcome:
        """Return how a job ended, and store its row if the worker could not."""
        try:
            return future.result()
        except FutureTimeoutError:
            text = f"stopped after {self._settings.timeout:g} s; allow more with --timeout"
            return self._store_failure(pending, "timeout", "Timeout", text)
        except ProcessExpired as error:
            if error.exitcode == STOPPED_CODE:
                return self._store_failure(
                    pending, "interrupted", "Terminated", "stopped by SIGTERM; the same command continues it"
                )
            if error.exitcode == SIGKILL_CODE:
                text = "the worker was killed (signal 9), most likely by the system for lack of memory"
                return self._store_failure(pending, "oom", "Killed", text)
            text = f"the worker process died with exit code {error.exitcode}"
            return self._store_failure(pending, "error", "WorkerDied", text)
        except StoreError:
            raise
        except Exception as error:  # a result that could not be turned into a row
            return self._store_failure(pending, "error", type(error).__name__, str(error))

    def _store_failure(self, pending: _Pending, status: Status, kind: str, message: str) -> RunOutcome:
        seconds = 0.0 if pending.started is None else time.perf_counter() - pending.started
        return store_failure(pending.job, self._settings, status, kind, message, seconds)


def store_failure(job: Job, settings: ExecutionSettings, status: Status, kind: str, message: str, seconds: float) -> RunOutcome:
    """Store the row of a job whose worker could not store it.

    Args:
        job: The job.
        settings: What all jobs share.
        status: How the job ended.
        kind: Stored as the type of the error.
        message: Stored as its message.
        seconds: Wall time that the job took.

    Raises:
        StoreError: The row cannot be stored.
    """
    from inrbench.execute.worker import store_result

    facts = environment(job.device, settings.threads, settings.workers, settings.code)
    result = RunResult(spec=job.spec, status=status, error_type=kind, message=message, cost=Cost(wall_seconds=seconds))
    return store_result(job, settings, result, facts, datetime.now(UTC) - timedelta(seconds=seconds))


@contextmanager
def block_sigint() -> Iterator[None]:
    """Hide Ctrl-C from threads and processes that are started in the block: a terminal sends it to all of them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
