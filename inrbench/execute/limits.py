"""Limit the host memory of a run through the operating system, so that only the run fails and not the machine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from inrbench.errors import BadValue


def refuse_unsupported_limit(gib: float | None) -> None:
    """Raise BadValue if a memory limit is given and this platform does not support one."""
    if gib is not None and sys.platform != "linux":
        raise BadValue(f"--memory-limit {gib:g}: memory limits are supported only on Linux; leave the option out here")


@contextmanager
def memory_limit(n_bytes: int | None) -> Iterator[None]:
    """Let this process take at most ``n_bytes`` more than it has now, inside the block; None for no limit.

    An allocation above the limit fails (MemoryError, or torch's own error); the process is not killed. GPU memory is not
    limited.
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
