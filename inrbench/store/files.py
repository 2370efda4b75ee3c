"""Access to the files of a results folder. Only regular files count; no symbolic link below the user's folder is followed.

A folder may come from an untrusted source. A link in it could make this program read, copy, send or remove files that are
outside the folder.
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
"""Error codes of file systems that cannot flush a folder. The rename itself has succeeded."""
CHUNK = 1 << 20
BEING_WRITTEN = ".being-written."
"""Prefix of the temporary folders to which runs write their artifacts."""
FETCHED = ".fetched."
"""Prefix of the temporary folders with files from an object store that have not been checked yet."""
OWNER = re.compile(r"\.(?P<place>[0-9a-f]{12})\.(?P<pid>\d{1,9})\.")
"""Pattern of the writer's place and process id in the name of a temporary file."""
ABANDONED_SECONDS = 24 * 3600
"""Seconds for which unfinished files are left alone, because their writer may be running on another machine."""


def below(results: Path, *parts: str) -> Path:
    """Return a path below a results folder. Raises StoreError if a part of it is a symbolic link."""
    path = results
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise StoreError(f"{path} {LINK}; replace it with a real folder")
    return path


def regular_files(folder: Path, chosen: Callable[[str], bool]) -> Iterator[Path]:
    """Yield the regular files below a folder whose names ``chosen`` accepts, in order. Links are skipped.

    Raises StoreError if a folder cannot be read.
    """
    for root, folders, names in os.walk(folder, onerror=raise_unless_gone, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if chosen(name) and is_regular(path):
                yield path


def raise_unless_gone(error: OSError) -> None:
    """Raise StoreError for a folder that cannot be listed. A folder that was removed meanwhile counts as empty."""
    if not isinstance(error, FileNotFoundError):
        raise StoreError(f"cannot read {error.filename}: {error.strerror}. Choose another folder with --results")


def is_regular(path: Path) -> bool:
    """Return whether a path is a regular file and not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def read_regular(path: Path, most: int = MAX_SMALL_FILE_BYTES) -> bytes:
    """Return the content of a regular file.

    Raises OSError for a link or a file that cannot be read, and ValueError for a file of more than ``most`` bytes.
    """
    handle = os.open(path, os.O_RDONLY | NO_FOLLOW)
    with os.fdopen(handle, "rb") as stream:
        facts = os.fstat(stream.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", str(path))
        if facts.st_size > most:
            raise ValueError(f"has {facts.st_size:,} bytes; at most {most:,} are read")
        content = stream.read(min(most, facts.st_size) + 1)
    if len(content) > most:
        raise ValueError(f"has more than {most:,} bytes")
    return content


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yield the content of a regular file in chunks. Raises OSError for a link or a file that cannot be read."""
    handle = os.open(path, os.O_RDONLY | NO_FOLLOW)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", str(path))
        while piece := stream.read(CHUNK):
            yield piece


def write_atomically(content: bytes | Iterator[bytes], path: Path) -> None:
    """Write to a temporary file next to ``path``, flush it to disk, and rename it. Raises StoreError if that fails.

    Args:
        content: The bytes, as a whole or in pieces.
        path: The file to write. Its folder is created if it does not exist.
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
    """Return the temporary file that is renamed to ``path``. Any file system that accepts ``path`` accepts its name."""
    return path.with_name(f".{path.name[:180]}.{mark()}.tmp")


def sweep(results: Path) -> None:
    """Remove unfinished files: at once if their writer is a dead process of this ``place``, otherwise after a day."""
    for path in temporary(results):
        owner = OWNER.search(path.name)
        with contextlib.suppress(OSError):  # the file is gone: its writer has just finished
            if owner is not None and owner["place"] == place():
                dead = not lives(int(owner["pid"]))
            else:
                dead = time.time() - path.lstat().st_mtime > ABANDONED_SECONDS
            if dead:
                remove(path)


def temporary(results: Path) -> Iterator[Path]:
    """Yield the unfinished files and folders that writers have left in a results folder."""
    for root in ("store", "tuned"):
        folder = below(results, root)
        yield from regular_files(folder, lambda name: name.startswith(".") and name.endswith(".tmp"))
    yield from sorted(results.glob(f"{FETCHED}*"))
    artifacts = below(results, "artifacts")
    for path in sorted(artifacts.iterdir()) if artifacts.is_dir() else ():
        if path.name.startswith(BEING_WRITTEN) or (path.name.startswith(".") and path.name.endswith(".tmp")):
            yield path


def remove(path: Path) -> None:
    """Remove a file, a link itself, or one of this project's folders with its content. A missing path is not an error."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)  # does not follow links
        else:
            path.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make a rename durable if the system can: Windows cannot open a folder, and some file systems cannot flush one."""
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
