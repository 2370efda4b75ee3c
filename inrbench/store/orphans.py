"""Files that nobody needs any more: artifacts of no run, leases of dead processes, old checkpoints, and unfinished files."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from inrbench.store.artifacts import artifact_folder, files_named, is_artifact_name
from inrbench.store.checkpoints import checkpoints
from inrbench.store.files import ABANDONED_SECONDS, is_regular, remove, temporary
from inrbench.store.leases import lease_folder
from inrbench.store.read import read_all_attempts

LEASE_NAME = re.compile(r"\.?[\w.-]{1,120}\.(json(\.[\w.-]{1,120})?|progress)", re.ASCII)


def orphans(results: Path) -> tuple[dict[Path, int], dict[Path, str]]:
    """Return the bytes of each orphan, and why some files of results could not be read.

    An orphan has a name that inrbench gives, and is not a link. If a file of results cannot be read, it is unknown which
    artifacts it needs; then no artifact is an orphan. Raises StoreError if the folder does not exist.
    """
    table, unreadable = read_all_attempts(results, ["artifacts"])
    found = {}
    for path in _candidates(results, None if unreadable else files_named(table)):
        try:
            if time.time() - path.lstat().st_mtime > ABANDONED_SECONDS:
                found[path] = sum(each.lstat().st_size for each in (path, *path.rglob("*")) if is_regular(each))
        except FileNotFoundError:  # the file is gone: its writer has just finished
            continue
    return found, unreadable


def remove_orphans(results: Path, found: dict[Path, int]) -> dict[Path, int]:
    """Remove the files that ``orphans`` found and that are still orphans; return those that were removed.

    A run may have stored the same content meanwhile, so rows are read and ages are checked again before anything is removed.
    """
    again, _ = orphans(results)
    removed = {}
    for path, size in found.items():
        if path in again:
            remove(path)
            removed[path] = size
    return removed


def _candidates(results: Path, needed: set[str] | None) -> Iterator[Path]:
    """Yield artifacts that no row lists, leases, checkpoints, and unfinished files. A run stores its artifacts before its row.

    ``needed``: The artifacts that rows list, or None if they are unknown.
    """
    yield from temporary(results)
    leases = lease_folder(results)
    yield from (path for path in sorted(leases.glob("*")) if is_regular(path) and LEASE_NAME.fullmatch(path.name))
    yield from checkpoints(results).values()
    folder = artifact_folder(results)
    if needed is None:
        return
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if is_artifact_name(path.name) and path.name not in needed and is_regular(path):
            yield path
