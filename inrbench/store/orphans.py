"""What nobody needs any more: artifacts of no run, leases of the dead, and what was left half written."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from inrbench.errors import StoreError
from inrbench.store.artifacts import artifact_folder, is_artifact_name
from inrbench.store.files import ABANDONED_SECONDS, is_regular, remove, temporary
from inrbench.store.leases import lease_folder
from inrbench.store.read import read_steadily

LEASE_NAME = re.compile(r"\.?[\w.-]{1,120}\.json(\.[\w.-]{1,120})?", re.ASCII)


def orphans(results: Path) -> dict[Path, int]:
    """Return each orphan with its bytes: only what bears a name of ours, and is no link.

    Raises StoreError where a file of results cannot be read: what it refers to is not known.
    """
    needed = _needed(results)
    found = {}
    for path in _candidates(results, needed):
        try:
            if time.time() - path.lstat().st_mtime > ABANDONED_SECONDS:
                found[path] = sum(each.lstat().st_size for each in (path, *path.rglob("*")) if is_regular(each))
        except FileNotFoundError:  # its writer has just finished
            continue
    return found


def remove_orphans(results: Path, found: dict[Path, int]) -> dict[Path, int]:
    """Remove what ``orphans`` has found and is one still, and return it.

    A run may have left the same content meanwhile: rows are read again, and ages looked at, before anything goes.
    Raises StoreError as ``orphans`` does.
    """
    again = orphans(results)
    removed = {}
    for path, size in found.items():
        if path in again:
            remove(path)
            removed[path] = size
    return removed


def _needed(results: Path) -> set[str]:
    """Return the artifacts that rows name."""
    table, unreadable = read_steadily(results, ["artifacts"])
    for path, reason in unreadable.items():
        raise StoreError(f"{path} cannot be read ({reason}), so what belongs to it is not known; repair or remove it first")
    return {each["file"] for held in table["artifacts"].to_pylist() for each in held or ()}


def _candidates(results: Path, needed: set[str]) -> Iterator[Path]:
    """Yield files of no row (a run keeps its files before its row is there), leases, and what writers leave."""
    yield from temporary(results)
    leases = lease_folder(results)
    yield from (path for path in sorted(leases.glob("*")) if is_regular(path) and LEASE_NAME.fullmatch(path.name))
    folder = artifact_folder(results)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if is_artifact_name(path.name) and path.name not in needed and is_regular(path):
            yield path
