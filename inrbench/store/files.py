"""Files of a results folder: regular ones only. No symbolic link is followed below the folder that the user named.

A folder may come from a stranger. A link in it could make us read, copy, send or remove what lies elsewhere.
"""

import contextlib
import errno
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from inrbench.errors import StoreError
from inrbench.limits import MAX_SMALL_FILE_BYTES
from inrbench.store.processes import lives, mark, place

LINK = "is a symbolic link, which is not followed"
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
FOLDER_CANNOT = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EISDIR})
"""What file systems answer that cannot flush a folder; the rename itself was done."""
CHUNK = 1 << 20
BEING_WRITTEN = ".being-written."
"""How the folders begin in which runs write their artifacts."""
FETCHED = ".fetched."
"""How the folders begin in which what comes from an object store lies until it has been looked at."""
OWNER = re.compile(r"\.(?P<place>[0-9a-f]{12})\.(?P<pid>\d{1,9})\.")
"""In the name of a temporary file: who writes it."""
ABANDONED_SECONDS = 24 * 3600
"""What is being written is not touched for so long: its writer may live on another machine."""


def below(results: Path, *parts: str) -> Path:
    """Return a path below a results folder. Raises StoreError if a part of it is a symbolic link."""
    path = results
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise StoreError(f"{path} {LINK}; put a folder of its own in its place")
    return path


def regular_files(folder: Path, chosen: Callable[[str], bool]) -> Iterator[Path]:
    """Yield the regular files below a folder whose names are chosen, in order; links are passed over.

    Raises StoreError if a folder may not be read.
    """
    for root, folders, names in os.walk(folder, onerror=raise_unless_gone, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if chosen(name) and is_regular(path):
                yield path


def raise_unless_gone(error: OSError) -> None:
    """Raise StoreError for a folder that cannot be listed; one that has gone meanwhile holds nothing."""
    if not isinstance(error, FileNotFoundError):
        raise StoreError(f"cannot read {error.filename}: {error.strerror}. Choose another folder with --results")


def is_regular(path: Path) -> bool:
    """Whether a path is a regular file, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def read_regular(path: Path, most: int = MAX_SMALL_FILE_BYTES) -> bytes:
    """Return the content of a regular file.

    Raises OSError for a link or a file that cannot be read, ValueError for one of more than ``most`` bytes.
    """
    handle = os.open(path, os.O_RDONLY | NO_FOLLOW)
    with os.fdopen(handle, "rb") as stream:
        facts = os.fstat(stream.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        if facts.st_size > most:
            raise ValueError(f"has {facts.st_size:,} bytes; at most {most:,} are read")
        content = stream.read(min(most, facts.st_size) + 1)
    if len(content) > most:
        raise ValueError(f"has more than {most:,} bytes")
    return content


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yield the content of a regular file piece by piece. Raises OSError for a link or one that cannot be read."""
    handle = os.open(path, os.O_RDONLY | NO_FOLLOW)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        while piece := stream.read(CHUNK):
            yield piece


def write_atomically(content: bytes | Iterator[bytes], path: Path) -> None:
    """Write to a temporary file beside ``path``, flush it to the disk, and rename it. Raises StoreError.

    Args:
        content: The bytes, or pieces of them.
        path: The file; its folder is made.
    """
    scratch = scratch_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as stream:
            for piece in (content,) if isinstance(content, bytes) else content:
                stream.write(piece)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        raise StoreError(
            f"cannot write to {path.parent}: {error.strerror or error}. Choose another folder with --results"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


def scratch_of(path: Path) -> Path:
    """Return the temporary file that becomes ``path``; any file system that can hold ``path`` can hold it."""
    return path.with_name(f".{path.name[:180]}.{mark()}.tmp")


def sweep(results: Path) -> None:
    """Remove temporary files and folders whose writers are dead: those of this place at once, others' after a day."""
    for path in temporary(results):
        owner = OWNER.search(path.name)
        with contextlib.suppress(OSError):  # its writer has just finished
            if owner is not None and owner["place"] == place():
                dead = not lives(int(owner["pid"]))
            else:
                dead = time.time() - path.lstat().st_mtime > ABANDONED_SECONDS
            if dead:
                remove(path)


def temporary(results: Path) -> Iterator[Path]:
    """Yield what writers leave half written in the store and among the artifacts."""
    for root in ("store", "tuned"):
        folder = below(results, root)
        yield from regular_files(folder, lambda name: name.startswith(".") and name.endswith(".tmp"))
    yield from sorted(results.glob(f"{FETCHED}*"))
    artifacts = below(results, "artifacts")
    for path in sorted(artifacts.iterdir()) if artifacts.is_dir() else ():
        if path.name.startswith(BEING_WRITTEN) or (path.name.startswith(".") and path.name.endswith(".tmp")):
            yield path


def remove(path: Path) -> None:
    """Remove a file, a link itself, or a folder of ours with what is in it. What has gone meanwhile is no fault."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)  # which follows no link
        else:
            path.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make a rename itself durable, where the system can: Windows cannot open a folder, some file systems cannot flush one."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in FOLDER_CANNOT:
            raise
    finally:
        os.close(handle)
