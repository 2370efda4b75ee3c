"""Leases: who is doing what in a results folder, told to others by small files that are touched while their owner lives.

Two commands on one folder, on one machine or on several that share it, then divide the runs and do none twice. A lease is
advice, not a lock: where it fails (a clock that jumps, a laptop that slept, two that take over a dead one's at once) a run is
done twice, and the store counts it once.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

BEAT_SECONDS = 5.0
STALE_SECONDS = 30.0
"""Without a touch for so long, the owner is taken for dead: other machines cannot ask for its process."""
FIELDS = {"name": str, "host": str, "pid": int, "started": float, "taken": float, "told": dict}


@dataclass(frozen=True)
class Lease:
    """What is held by whom. ``told`` is what the owner says about it."""

    name: str
    host: str
    pid: int
    started: float
    """When the process began, in seconds since 1970: a number of a process may be used again."""
    taken: float
    """Since when it is held."""
    told: dict[str, Any] = field(default_factory=dict)


def lease_folder(results: Path) -> Path:
    """Return where leases lie below a results folder."""
    return results / "leases"


@contextmanager
def leased(results: Path, name: str, **told: Any) -> Iterator[bool]:
    """Hold ``name`` inside the block, and yield True; yield False if another living process holds it.

    Where no lease can be written (a full disk) the block runs without: what it does will say what is wrong.
    """
    path = lease_folder(results) / f"{name}.json"
    me = Lease(name, socket.gethostname(), os.getpid(), psutil.Process().create_time(), time.time(), told)
    try:
        ours = _take(path, me)
    except OSError:
        yield True
        return
    if not ours:
        yield False
        return
    over = threading.Event()
    threading.Thread(target=_beat, args=(path, over), daemon=True).start()
    try:
        yield True
    finally:
        over.set()
        if _read(path) == me:  # not another's, who thought us dead
            path.unlink(missing_ok=True)


def living(results: Path) -> list[Lease]:
    """Return the leases of living processes, by name."""
    folder = lease_folder(results)
    now = _now(folder) if folder.is_dir() else 0.0
    found = ((path, _read(path)) for path in sorted(folder.glob("*.json")))
    return [lease for path, lease in found if lease is not None and _lives(path, lease, now)]


def _take(path: Path, me: Lease) -> bool:
    """Write a lease unless a living process holds it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps({**vars(me)})
    scratch = path.with_name(f".{path.name}.{me.host}.{me.pid}")
    try:
        scratch.write_text(content, encoding="utf-8")
        for _ in range(2):
            try:
                os.link(scratch, path)  # whole at once, and only if there is none
            except FileExistsError:
                other = _read(path)
                if other is not None and _lives(path, other, scratch.stat().st_mtime):
                    return False
                path.unlink(missing_ok=True)
            else:
                return True
        return False
    finally:
        scratch.unlink(missing_ok=True)


def _lives(path: Path, lease: Lease, now: float) -> bool:
    """Whether the owner of a lease lives, as far as can be known here. ``now`` is the time of the folder's file system."""
    if lease.host == socket.gethostname():
        try:
            return abs(psutil.Process(lease.pid).create_time() - lease.started) < 1.0
        except psutil.Error:
            return False
    try:
        return now - path.stat().st_mtime < STALE_SECONDS
    except OSError:
        return False


def _now(folder: Path) -> float:
    """Return the time by the clock of the machine that keeps the folder, which may differ from ours."""
    probe = folder / f".now.{socket.gethostname()}.{os.getpid()}"
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
        lease = Lease(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    whole = all(isinstance(getattr(lease, each), kind) for each, kind in FIELDS.items())
    return lease if whole and lease.name == path.stem else None


def _beat(path: Path, over: threading.Event) -> None:
    while not over.wait(BEAT_SECONDS):
        with suppress(OSError):
            os.utime(path)
