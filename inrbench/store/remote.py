"""Registry of the results folders that are mirrors of an object store in this process.

Only an address that the user gives makes a folder a mirror (``--results s3://...``). What a folder states about itself is not
trusted.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inrbench.store.mirror import Mirror

MARK = "mirror-of.txt"
"""File in a mirror with the address of the object store, for people to read. No code acts on the address."""
_opened: "dict[Path, Mirror]" = {}


def remember(mirror: "Mirror") -> None:
    """Register a folder as the mirror of an address that the user gave."""
    _opened[mirror.folder.resolve()] = mirror


def mirror_of(results: Path) -> "Mirror | None":
    """Return the mirror that a results folder belongs to in this process, or None if it is not a mirror."""
    return _opened.get(results.resolve())


def display_name(results: Path) -> str:
    """Return the name that the user gave a results folder: the address of a mirror, otherwise the path."""
    mirror = mirror_of(results)
    return str(results) if mirror is None else mirror.uri


def claims_mirror(results: Path) -> bool:
    """Return whether a folder is marked as a mirror but was not opened as one."""
    return (results / MARK).is_file() and mirror_of(results) is None
