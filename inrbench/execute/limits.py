"""How much memory one run may take: a limit that the system holds, so that a run ends and not the machine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from inrbench.errors import BadValue


def refuse_unknown_limit(gib: float | None) -> None:
    """Raise BadValue for a limit that this platform does not hold."""
    if gib is not None and sys.platform != "linux":
        raise BadValue(f"--memory-limit {gib:g}: only Linux limits what a run may take; leave it out here")


@contextmanager
def memory_limit(n_bytes: int | None) -> Iterator[None]:
    """Let this process take ``n_bytes`` more than it has now, inside the block; None for no limit.

    What is beyond is refused at the allocation (MemoryError, or torch's own error), not killed. Memory of a GPU does not count.
    """
    if n_bytes is None or sys.platform != "linux":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = psutil.Process().memory_info().data + n_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
