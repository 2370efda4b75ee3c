"""Assign separate CPU cores to the workers of a pool, if the platform can pin processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext

import psutil

CLAIM_SECONDS = 5.0


class Cores:
    """The usable cores, divided into one share per worker. The share of a worker that has died is free again."""

    def __init__(self, context: BaseContext, workers: int) -> None:
        usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        size = len(usable) // workers
        self.shares = [usable[i * size : (i + 1) * size] for i in range(workers)] if size else []
        self._owners = context.RawArray("q", workers)
        self._lock = context.Lock()

    def claim(self) -> None:
        """Pin this process to a free share. It stays unpinned if no share is free or the platform cannot pin."""
        # A worker that is killed while it has the lock leaves it locked. Later workers then stay unpinned, which only costs
        # speed.
        if not self.shares or not self._lock.acquire(timeout=CLAIM_SECONDS):
            return
        try:
            for share, cores in enumerate(self.shares):
                if not self._owners[share] or not psutil.pid_exists(self._owners[share]):
                    self._owners[share] = os.getpid()
                    os.sched_setaffinity(0, cores)
                    return
        finally:
            self._lock.release()


@contextmanager
def pinned(n: int) -> Iterator[None]:
    """Pin this process to the first ``n`` of its cores inside the block, if the platform can pin processes."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:n])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
