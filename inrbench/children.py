"""How child processes start: without the main module and the current folder, and on Linux from one that has imported torch.

Importing torch and the harness takes a worker more than a second. On Linux a server process does it once, while the command
plans its runs, and every worker on a CPU is a copy of it (Python's start method ``forkserver``). A worker on a GPU starts anew:
CUDA does not allow copies of a process. So do workers on macOS, whose libraries do not allow them either.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext

SAFE_PATH = "PYTHONSAFEPATH"
SPIN_COUNT = "3000"
"""Value of ``GOMP_SPINCOUNT``: OpenMP's threads spin for about 10 microseconds before they sleep, 1/100 of the default.

The unit is OpenMP's own. The cost for a single command cannot be measured. Two commands that use all cores are three times
as slow as one. With the default they are both 28 times as slow, because each wastes the cores that the other needs
(``benchmarks/two_commands.py``).
"""
PRELOADED = ["inrbench.execute.preload"]


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
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before
        main.__spec__ = spec
        if file is not None:
            main.__file__ = file


def worker_context(device: str) -> BaseContext:
    """Return how the workers of a device start."""
    return multiprocessing.get_context("forkserver" if sys.platform == "linux" and device == "cpu" else "spawn")


def prepare_workers(device: str) -> None:
    """Start to import what workers need, in a process of its own, while this one goes on."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)  # workers read it when they load OpenMP
    if worker_context(device).get_start_method() != "forkserver":
        return
    from multiprocessing import forkserver, resource_tracker

    with isolated_children():
        resource_tracker.ensure_running()  # it unblocks Ctrl-C when it starts, so it starts first
    with isolated_children(), _without_interrupts():
        multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
        forkserver.ensure_running()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: this one handles it, and the server would print a traceback.

    The signal is blocked, and not ignored, so that this process receives it afterwards.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
