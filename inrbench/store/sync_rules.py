"""Rules for sharing a results folder with an object store: which files, in which order, and up to which size.

Others may write to the object store. ``path_error`` checks a file before it counts.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from inrbench.limits import MAX_MEDIA_BYTES, MAX_SMALL_FILE_BYTES, MAX_TABLE_BYTES
from inrbench.spec import PLAIN_NAME
from inrbench.store.artifacts import FILE_NAME, artifact_error
from inrbench.store.read import read_files
from inrbench.store.row_checks import name_mismatch, row_error
from inrbench.store.schema import SCHEMA, VERSION


@dataclass(frozen=True)
class Seen:
    """A file as it was listed.

    Args:
        written: When it was written, in seconds since 1970.
        size: Its size in bytes.
    """

    written: float
    size: int


Files = dict[PurePosixPath, Seen]
"""Listed files by their path below the results folder."""
ROOTS = ("artifacts", "profile", "tuned", "store")
"""Shared folders, in the order in which they are copied: a row comes after the files it refers to. Leases are not shared."""
NAME = PLAIN_NAME.pattern
ATTEMPTS = r"[0-9a-z_]{1,100}(\.[0-9a-z_]{1,40}){1,2}"
SHARED = {
    re.compile(rf"artifacts/{FILE_NAME.pattern}", re.ASCII): MAX_MEDIA_BYTES,
    re.compile(rf"profile/{NAME}\.json", re.ASCII): MAX_SMALL_FILE_BYTES,
    re.compile(r"tuned/[A-Za-z0-9._+-]{1,240}\.toml", re.ASCII): MAX_SMALL_FILE_BYTES,
    re.compile(rf"store/v{VERSION}/task={NAME}/method={NAME}/{ATTEMPTS}\.parquet", re.ASCII): MAX_TABLE_BYTES,
    re.compile(r"store/profiles/[0-9a-f]{24}\.parquet", re.ASCII): MAX_TABLE_BYTES,
}
"""Patterns of the shared files, with the largest number of bytes that is copied of one file."""
CHANGING = "tuned"
"""The only folder whose files are rewritten under the same name. The newer file counts."""


def in_order(files: Files, others: Files) -> list[PurePosixPath]:
    """Return the files to copy to the other side, in the order of ROOTS."""
    new = [
        path
        for path, seen in files.items()
        if path not in others or (path.parts[0] == CHANGING and seen.written > others[path].written)
    ]
    return sorted(new, key=lambda path: (ROOTS.index(path.parts[0]), path))


def most_bytes(path: PurePosixPath) -> int | None:
    """Return the largest number of bytes that is copied of a shared file, or None if the file is not shared."""
    text = path.as_posix()
    return next((most for pattern, most in SHARED.items() if pattern.fullmatch(text)), None)


def path_error(file: Path, path: PurePosixPath) -> str | None:
    """Return why a file may not be stored at ``path`` of a results folder, or None if it may.

    An artifact and a merged file must have the digest that is in their names. A file of results must contain rows of the task
    and method of its folder, whose ids follow from their columns.
    """
    root = path.parts[0]
    if root == "artifacts":
        return artifact_error(file)
    if root != "store" or path.parts[1] == "profiles":
        return None
    table, unreadable = read_files([file], SCHEMA.names)
    if unreadable:
        return f"cannot be read: {unreadable[file]}"
    for row in table.to_pylist():
        if (f"task={row['task']}", f"method={row['method']}") != path.parts[2:4]:
            return f"contains run {row['run_id'][:10]} of a different task or method than its folder"
        if fault := row_error(row):
            return fault
    return name_mismatch(path.name, file, table)
