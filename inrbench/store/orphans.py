"""What nobody needs any more: artifacts of no run, leases of the dead, and what was left half written."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from inrbench.errors import StoreError
from inrbench.store.artifacts import FILE_NAME, artifact_folder
from inrbench.store.leases import lease_folder
from inrbench.store.read import attempt_files, read_files
from inrbench.store.write import store_folder

ABANDONED_SECONDS = 24 * 3600
"""What is being written is not touched for so long: its writer may live on another machine."""


def orphans(results: Path) -> dict[Path, int]:
    """Return each orphan with its bytes. Raises StoreError where a file cannot be read: what it refers to is not known."""
    table, unreadable = read_files(attempt_files(results), ["artifacts"])
    for path, reason in unreadable.items():
        raise StoreError(f"{path} cannot be read ({reason}), so what belongs to it is not known; repair or remove it first")
    needed = {each["file"] for held in table["artifacts"].to_pylist() for each in held or ()}
    found = {}
    for path in _candidates(results, needed):
        try:
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                found[path] = sum(each.stat().st_size for each in (path, *path.rglob("*")) if each.is_file())
        except FileNotFoundError:  # its writer has just finished
            continue
    return found


def remove_orphans(found: dict[Path, int]) -> None:
    """Remove what ``orphans`` has found."""
    for path in found:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _candidates(results: Path, needed: set[str]) -> Iterator[Path]:
    """Yield files of no row (a run keeps its files before its row is there), leases, and what writers leave."""
    yield from (path for path in sorted(store_folder(results).rglob(".*.tmp")) if path.is_file())
    yield from sorted(lease_folder(results).glob("*"))
    folder = artifact_folder(results)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".being-written.") or (FILE_NAME.fullmatch(path.name) and path.name not in needed):
            yield path
