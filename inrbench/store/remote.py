"""Which results folders of this process are mirrors of an object store's.

Only an address that the user has given makes a mirror (``--results s3://...``): what a folder says of itself is a stranger's.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inrbench.store.mirror import Mirror

MARK = "mirror-of.txt"
"""In a mirror: the address of what it mirrors, for people to read. Nothing here obeys it."""
_opened: "dict[Path, Mirror]" = {}


def remember(mirror: "Mirror") -> None:
    """Let a folder be known as the mirror of an address that the user gave."""
    _opened[mirror.folder.resolve()] = mirror


def mirror_of(results: Path) -> "Mirror | None":
    """Return what a results folder is the mirror of in this process, None for one of its own."""
    return _opened.get(results.resolve())


def display_name(results: Path) -> str:
    """Return what the user calls a results folder: the address of a mirror, the path of any other."""
    mirror = mirror_of(results)
    return str(results) if mirror is None else mirror.uri


def claims_mirror(results: Path) -> bool:
    """Whether a folder says that it is a mirror, and was not opened as one."""
    return (results / MARK).is_file() and mirror_of(results) is None
