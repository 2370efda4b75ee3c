"""Processes that can see one another: those of one boot of one machine, within one container."""

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

    Host names are not enough: containers and cloned machines often have the same name.
    """
    try:
        boot = BOOT_ID.read_text("ascii").strip()
        space = PROCESSES.readlink().name
    except OSError:  # not Linux
        boot, space = f"{psutil.boot_time():.0f}", socket.gethostname()
    return hashlib.sha256(f"{boot} {space}".encode()).hexdigest()[:12]


def lives(pid: int, started: float | None = None) -> bool:
    """Return whether a process of this place is alive. ``started`` is when it began, because process ids are reused."""
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
    """Return the text that marks the temporary files of this process: ``<place>.<pid>``."""
    return f"{place()}.{os.getpid()}"
