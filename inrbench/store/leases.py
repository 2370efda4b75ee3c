"""Leases: who is doing what in a results folder, told to others by small files that are touched while their owner lives.

Two commands on one folder, on one machine or on several that share it, then divide the runs and do none twice. A lease is
advice, not a lock: where it fails (a clock that jumps, a laptop that slept, two that take over a dead one's at once) a run is
done twice, and the store counts it once.

A folder may be a stranger's. A lease holds nobody up for longer than its owner proves that it lives: by its process, where that
can be seen from here (the same boot of the same machine, the same container), and by a touch now and then in any case.
"""

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from inrbench.store.files import below, is_regular, read_regular
from inrbench.store.processes import lives, place
from inrbench.store.read_guard import read_json

HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 30.0
"""Without a touch for so long, an owner whose process cannot be seen from here is taken for dead."""
SLEEP_SECONDS = 300.0
"""Without a touch for so long, an owner is taken for dead though its process is there: it may be no owner at all."""
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
    """What is held by whom. ``info`` is what the owner says about it."""

    name: str
    host: str
    place: str
    """Which processes can see the owner's: see ``inrbench.store.processes``. Host names do not tell that."""
    pid: int
    started: float
    """When the process began, in seconds since 1970: a number of a process may be used again."""
    acquired_at: float
    """Since when it is held."""
    token: str
    """Drawn by chance: no two leases are the same."""
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> list[str] | None:
        """The runs that a command has planned, None of a lease that is no command's."""
        return _texts(self.info.get("runs"))

    @property
    def known(self) -> list[str]:
        """The attempts that a command knew when it began."""
        return _texts(self.info.get("known")) or []

    @property
    def what(self) -> str | None:
        """What a run is, None of a lease that is no run's."""
        what = self.info.get("what")
        return what if isinstance(what, str) else None


def _texts(held: object) -> list[str] | None:
    return held if isinstance(held, list) and all(isinstance(each, str) for each in held) else None


def lease_folder(results: Path) -> Path:
    """Return where leases lie below a results folder. Raises StoreError where a link is in its place."""
    return below(results, "leases")


@contextmanager
def lease(results: Path, name: str, **info: Any) -> Iterator[bool]:
    """Hold ``name`` inside the block, and yield True; yield False if another living process holds it.

    Where no lease can be written (a full disk) the block runs without: what it does will say what is wrong.
    """
    path = lease_folder(results) / f"{name}.json"
    started = psutil.Process().create_time()
    me = Lease(name, socket.gethostname(), place(), os.getpid(), started, time.time(), secrets.token_hex(16), info)
    try:
        ours = _take(path, me)
    except OSError:
        yield True
        return
    if not ours:
        yield False
        return
    stop = threading.Event()
    threading.Thread(target=_heartbeat, args=(path, stop), daemon=True).start()
    try:
        yield True
    finally:
        stop.set()
        if _read(path) == me:  # not another's, who thought us dead
            with suppress(OSError):  # a folder that may only be read now
                path.unlink(missing_ok=True)


def active_leases(results: Path) -> list[Lease]:
    """Return the leases of living processes, by name."""
    folder = lease_folder(results)
    now = _now(folder) if folder.is_dir() else 0.0
    found = ((path, _read(path)) for path in sorted(folder.glob("*.json")))
    return [entry for path, entry in found if entry is not None and _is_living(path, entry, now)]


def _take(path: Path, me: Lease) -> bool:
    """Write a lease unless a living process holds it. Raises OSError."""
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
    """Give a file a second name, whole at once and only if nothing has it; return whether it has it now.

    A server of files may answer that the name is taken when it was this very call that took it, and its answer was lost. The
    number of names tells.
    """
    try:
        os.link(scratch, path)
    except FileExistsError:
        return scratch.stat().st_nlink == 2
    return True


def _is_living(path: Path, entry: Lease, now: float) -> bool:
    """Whether the owner of a lease lives, as far as can be known here. ``now`` is the time of the folder's file system.

    A touch that lies further ahead than clocks differ is no proof of life.
    """
    try:
        silence = abs(now - path.lstat().st_mtime)
    except OSError:
        return False
    if entry.place == place():
        return silence < SLEEP_SECONDS and lives(entry.pid, entry.started)
    return silence < STALE_SECONDS


def _now(folder: Path) -> float:
    """Return the time by the clock of the machine that keeps the folder, which may differ from ours."""
    probe = folder / f".now.{secrets.token_hex(8)}.json.tmp"
    try:
        probe.touch()
        now = probe.stat().st_mtime
        probe.unlink(missing_ok=True)
    except OSError:  # a folder that may only be read
        return time.time()
    return now


def _read(path: Path) -> Lease | None:
    """Return a lease, or None where there is none that can be read."""
    try:
        lease = Lease(**read_json(read_regular(path))) if is_regular(path) else None
    except (OSError, ValueError, TypeError):
        return None
    if lease is None or any(type(getattr(lease, each)) is not kind for each, kind in FIELDS.items()):
        return None
    return lease if lease.name == path.stem else None


def _heartbeat(path: Path, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_SECONDS):
        with suppress(OSError):
            os.utime(path)
