"""Leases: small files in a results folder that show which process does what. An owner that is alive touches its file.

Two commands on one folder, on one machine or on several that share the folder, thus divide the runs and do none twice. A lease
is advice, not a lock. If it fails (a clock that jumps, a laptop that slept, two processes that take over a dead owner's lease
at once), a run is done twice, and the store counts it once.

A folder may come from an untrusted source. A lease blocks others only while there is proof that its owner is alive. The proof
is its process, if that can be seen from here (the same boot of the same machine, the same container), and in any case a recent
heartbeat.
"""

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from inrbench.errors import StoreError
from inrbench.spec import Progress
from inrbench.store.files import below, is_regular, read_regular, write_atomically
from inrbench.store.processes import lives, place
from inrbench.store.read_guard import read_json

HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 30.0
"""Seconds without a heartbeat after which an owner is assumed to be dead if its process cannot be seen from here."""
SLEEP_SECONDS = 300.0
"""Seconds without a heartbeat after which an owner is assumed dead even if its process exists: it may not be the owner."""
PROGRESS = ".progress"
"""Suffix of the file beside a lease that says how far the work is."""
FIELDS = {
    "name": str,
    "host": str,
    "place": str,
    "pid": int,
    "started": float,
    "acquired_at": float,
    "token": str,
    "info": dict,
}


@dataclass(frozen=True)
class Lease:
    """A lease and its owner.

    Args:
        info: Facts that the owner adds about its work.
    """

    name: str
    host: str
    place: str
    """Identifies processes that can see the owner's process: see ``inrbench.store.processes``. Host names are not unique."""
    pid: int
    started: float
    """When the process began, in seconds since 1970. It is needed because process ids are reused."""
    acquired_at: float
    """When the lease was acquired, in seconds since 1970."""
    token: str
    """Random text. No two leases have the same."""
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> list[str] | None:
        """Return the runs that a command has planned, or None if the lease does not belong to a command."""
        return _texts(self.info.get("runs"))

    @property
    def known(self) -> list[str]:
        """Return the attempts that a command knew when it began."""
        return _texts(self.info.get("known")) or []

    @property
    def what(self) -> str | None:
        """Return the description of a run, or None if the lease does not belong to a run."""
        what = self.info.get("what")
        return what if isinstance(what, str) else None


def _texts(value: object) -> list[str] | None:
    return value if isinstance(value, list) and all(isinstance(each, str) for each in value) else None


def lease_folder(results: Path) -> Path:
    """Return the folder of the leases in a results folder. Raises StoreError if it is a symbolic link."""
    return below(results, "leases")


@contextmanager
def lease(results: Path, name: str, *, progress: Callable[[], Progress | None] = lambda: None, **info: Any) -> Iterator[bool]:
    """Hold the lease ``name`` inside the block and yield True; yield False if another living process holds it.

    If no lease can be written (for example on a full disk), it yields True and the block runs without one. The work in the
    block then reports the error.

    Args:
        results: The results folder.
        name: The name of the lease.
        progress: Function that returns how far the work is. It is stored beside the lease at every heartbeat.
        info: Facts to store in the lease.
    """
    path = lease_folder(results) / f"{name}.json"
    started = psutil.Process().create_time()
    me = Lease(name, socket.gethostname(), place(), os.getpid(), started, time.time(), secrets.token_hex(16), info)
    try:
        taken = _take(path, me)
    except OSError:
        yield True
        return
    if not taken:
        yield False
        return
    stop = threading.Event()
    thread = threading.Thread(target=_heartbeat, args=(path, stop, progress), daemon=True)
    thread.start()
    try:
        yield True
    finally:
        stop.set()
        thread.join(HEARTBEAT_SECONDS)  # it may be writing the progress
        with suppress(OSError):
            _progress_path(path).unlink(missing_ok=True)
        if _read(path) == me:  # otherwise another process has taken it over
            with suppress(OSError):  # the folder may have become read-only
                path.unlink(missing_ok=True)


def active_leases(results: Path) -> list[Lease]:
    """Return the leases of living processes, sorted by name."""
    folder = lease_folder(results)
    now = _now(folder) if folder.is_dir() else 0.0
    found = ((path, _read(path)) for path in sorted(folder.glob("*.json")))
    return [entry for path, entry in found if entry is not None and _is_living(path, entry, now)]


def progress_of(results: Path, names: Collection[str]) -> dict[str, Progress]:
    """Return how far the work of leases is. A lease is missing if that is not known, or had no heartbeat for a while.

    Args:
        results: The results folder.
        names: Names of the leases.
    """
    folder = lease_folder(results)
    found: dict[str, Progress] = {}
    files = [path for path in folder.glob(f"*{PROGRESS}") if path.stem in names]
    now = _now(folder) if files else 0.0
    for path in files:
        with suppress(OSError, ValueError, TypeError, KeyError, OverflowError):
            if abs(now - path.lstat().st_mtime) <= STALE_SECONDS:
                found[path.stem] = Progress.from_numbers(read_json(read_regular(path)))
    return found


def _progress_path(path: Path) -> Path:
    return path.with_suffix(PROGRESS)


def _take(path: Path, me: Lease) -> bool:
    """Write a lease unless a living process holds it; return whether it was written. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{me.token}")
    try:
        scratch.write_text(json.dumps(vars(me)), encoding="utf-8")
        for _ in range(2):
            if _link(scratch, path):
                return True
            other = _read(path)
            if other is not None and _is_living(path, other, scratch.stat().st_mtime):
                return False
            path.unlink(missing_ok=True)
        return False
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


def _link(scratch: Path, path: Path) -> bool:
    """Add a second name to a file, atomically and only if the name is free; return whether the file has it now.

    A file server may answer that the name is taken although this call took it, if its first answer was lost. The number of
    links shows that.
    """
    try:
        os.link(scratch, path)
    except FileExistsError:
        return scratch.stat().st_nlink == 2
    return True


def _is_living(path: Path, entry: Lease, now: float) -> bool:
    """Return whether the owner of a lease is alive, as far as can be known. ``now`` is the time of the folder's file system.

    A heartbeat further in the future than clocks can differ is not accepted as a sign of life.
    """
    try:
        silence = abs(now - path.lstat().st_mtime)
    except OSError:
        return False
    if entry.place == place():
        return silence < SLEEP_SECONDS and lives(entry.pid, entry.started)
    return silence < STALE_SECONDS


def _now(folder: Path) -> float:
    """Return the time by the clock of the machine that stores the folder. It may differ from the local clock."""
    probe = folder / f".now.{secrets.token_hex(8)}.json.tmp"
    try:
        probe.touch()
        now = probe.stat().st_mtime
        probe.unlink(missing_ok=True)
    except OSError:  # a read-only folder
        return time.time()
    return now


def _read(path: Path) -> Lease | None:
    """Return a lease, or None if there is none that can be read."""
    try:
        lease = Lease(**read_json(read_regular(path))) if is_regular(path) else None
    except (OSError, ValueError, TypeError):
        return None
    if lease is None or any(type(getattr(lease, each)) is not kind for each, kind in FIELDS.items()):
        return None
    return lease if lease.name == path.stem else None


def _heartbeat(path: Path, stop: threading.Event, progress: Callable[[], Progress | None]) -> None:
    while not stop.wait(HEARTBEAT_SECONDS):
        with suppress(OSError):
            os.utime(path)
        if (made := progress()) is not None:
            with suppress(StoreError):
                write_atomically(json.dumps(made.numbers()).encode(), _progress_path(path))
