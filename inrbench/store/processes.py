"""Which processes can see one another: those of one boot of one machine, within one container."""

import hashlib
import os
import socket
from functools import cache
from pathlib import Path

import psutil

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PROCESSES = Path("/proc/self/ns/pid")


@cache
def place() -> str:
    """Return 12 hexadecimal digits that only processes of this boot and this container share.

    Host names do not tell that: containers and cloned machines are often called alike.
    """
    try:
        boot = BOOT_ID.read_text("ascii").strip()
        space = PROCESSES.readlink().name
    except OSError:  # not Linux
        boot, space = f"{psutil.boot_time():.0f}", socket.gethostname()
    return hashlib.sha256(f"{boot} {space}".encode()).hexdigest()[:12]


def lives(pid: int, started: float | None = None) -> bool:
    """Whether a process of this place lives; ``started``: when it began, since a number may be used again."""
    if pid <= 0:
        return False
    try:
        process = psutil.Process(pid)
        return started is None or abs(process.create_time() - started) < 1.0
    except psutil.AccessDenied:
        return True
    except (psutil.Error, ValueError, OverflowError):
        return False


def mark() -> str:
    """Return what the names of this process's temporary files hold: ``<place>.<pid>``."""
    return f"{place()}.{os.getpid()}"
