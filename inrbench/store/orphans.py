"""What nobody needs any more: artifacts of no run, leases of the dead, and what was left half written."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from inrbench.store.artifacts import artifact_folder, files_named, is_artifact_name
from inrbench.store.files import ABANDONED_SECONDS, is_regular, remove, temporary
from inrbench.store.leases import lease_folder
from inrbench.store.read import read_all_attempts

LEASE_NAME = re.compile(r"\.?[\w.-]{1,120}\.json(\.[\w.-]{1,120})?", re.ASCII)


def orphans(results: Path) -> tuple[dict[Path, int], dict[Path, str]]:
    """Return each orphan with its bytes, and why files of results could not be read.

    An orphan bears a name of ours and is no link. Where a file of results cannot be read it is not known which artifacts it
    needs: then no artifact is an orphan. Raises StoreError where there is no such folder.
    """
    table, unreadable = read_all_attempts(results, ["artifacts"])
    found = {}
    for path in _candidates(results, None if unreadable else files_named(table)):
        try:
            if time.time() - path.lstat().st_mtime > ABANDONED_SECONDS:
                found[path] = sum(each.lstat().st_size for each in (path, *path.rglob("*")) if is_regular(each))
        except FileNotFoundError:  # its writer has just finished
            continue
    return found, unreadable


def remove_orphans(results: Path, found: dict[Path, int]) -> dict[Path, int]:
    """Remove what ``orphans`` has found and is one still, and return it.

    A run may have left the same content meanwhile: rows are read again, and ages looked at, before anything goes.
    """
    again, _ = orphans(results)
    removed = {}
    for path, size in found.items():
        if path in again:
            remove(path)
            removed[path] = size
    return removed


def _candidates(results: Path, needed: set[str] | None) -> Iterator[Path]:
    """Yield files of no row (a run keeps its files before its row is there), leases, and what writers leave.

    ``needed``: the artifacts that rows name; None where that is not known.
    """
    yield from temporary(results)
    leases = lease_folder(results)
    yield from (path for path in sorted(leases.glob("*")) if is_regular(path) and LEASE_NAME.fullmatch(path.name))
    folder = artifact_folder(results)
    if needed is None:
        return
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if is_artifact_name(path.name) and path.name not in needed and is_regular(path):
            yield path
