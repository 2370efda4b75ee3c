"""The executor ``local``: carry out jobs in worker processes of this machine."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil

from inrbench.errors import BadValue
from inrbench.execute.job import ExecutionRequest, ExecutionSettings, Job, ProgressObserver
from inrbench.execute.pool import WorkerPool
from inrbench.store import lease, new_attempt_id, physical_cores

BYTES_PER_WORKER = 3 * 2**30
"""Memory that a CPU worker may need, in bytes: for the largest step that is possible by design, and for the libraries."""
_pool: WorkerPool | None = None
"""The pool of the current ``run_local``."""
SPIN_COUNT = "3000"
"""Value of ``GOMP_SPINCOUNT``: OpenMP's threads spin for about 10 microseconds before they sleep, 1/100 of the default.

The unit is OpenMP's own. The cost for a single command cannot be measured. Two commands that use all cores are three times
as slow as one. With the default they are both 28 times as slow, because each wastes the cores that the other needs
(``benchmarks/two_commands.py``).
"""
SAFE_PATH = "PYTHONSAFEPATH"
"""Environment variable that keeps the current folder out of Python's module path."""


def workers_for(device: str, jobs: int | None = None, share_gpu: int | None = None) -> int:
    """Return how many runs to carry out at the same time.

    Args:
        device: ``cpu`` or ``cuda:i``.
        jobs: The number that the user requested; None for one per CPU core, as far as memory allows, or one on a GPU.
        share_gpu: How many runs may share one GPU; None for no sharing. Times of runs that share a GPU are not shown.

    Raises:
        BadValue: The number does not fit the device.
    """
    if device.startswith("cuda"):
        if jobs is not None and jobs > 1:
            raise BadValue(
                f"--jobs {jobs} on {device}: a run has a GPU for itself, so that its times are not disturbed; "
                f"if times do not matter: inrbench run --share-gpu {jobs}"
            )
        return share_gpu or 1
    if share_gpu is not None:
        raise BadValue(
            f"--share-gpu {share_gpu} on {device}: there is no GPU to share; --jobs sets the number of runs at a time"
        )
    return jobs or max(1, min(physical_cores(), psutil.virtual_memory().available // BYTES_PER_WORKER))


def execute_locally(request: ExecutionRequest, observer: ProgressObserver) -> bool:
    """Carry out a request on this machine. Raises BadValue for resources, which only clusters have."""
    if request.resources:
        name = next(iter(request.resources))
        raise BadValue(f"--resource {name}: --executor local has no resources; --jobs sets the number of runs at a time")
    runs = [job.spec.run_id for job in request.jobs]
    settings = request.settings
    with lease(settings.results, f"command-{new_attempt_id()}", runs=runs, known=sorted(settings.known)):
        return run_local(request.jobs, settings, observer)


def run_local(jobs: Sequence[Job], settings: ExecutionSettings, observer: ProgressObserver) -> bool:
    """Carry out jobs in worker processes of this machine. Return False if Ctrl-C stopped them.

    Args:
        jobs: The jobs, in the order in which they are started.
        settings: What all jobs share: results folder, number of workers, limits.
        observer: Receives progress and outcomes.

    Raises:
        StoreError: A row cannot be stored.
        InrbenchError: Workers cannot be started.
    """
    global _pool  # noqa: PLW0603 - a signal handler has no other way to reach it
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)  # workers read it when they load OpenMP
    try:
        with isolated_children():
            _pool = WorkerPool(jobs, settings, observer)
            return _pool.run()
    finally:
        _pool = None


def stop_local_runs(patience: float) -> None:
    """Ask the runs that ``run_local`` carries out to write a checkpoint and end, and wait up to ``patience`` seconds."""
    if _pool is not None:
        _pool.stop_runs(patience)


@contextmanager
def isolated_children() -> Iterator[None]:
    """Hide the main module and the current folder from new processes.

    They would run the main module again, including a user's script that calls inrbench, and would import files of the current
    folder, which may be a stranger's results folder, in place of Python's own modules.
    """
    main = sys.modules["__main__"]
    file, spec = vars(main).pop("__file__", None), main.__spec__
    main.__spec__ = None
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(SAFE_PATH, None)
        else:
            os.environ[SAFE_PATH] = before
        main.__spec__ = spec
        if file is not None:
            main.__file__ = file
