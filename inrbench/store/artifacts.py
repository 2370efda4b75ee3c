"""Artifacts of runs: files to view, and weights. Each is named by the hash of its content, so equal ones are stored once.

The row of a run lists its artifacts. The files are written before the row. They may be deleted later while the row stays.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from inrbench.errors import BadValue
from inrbench.limits import MAX_MEDIA_BYTES
from inrbench.spec import Artifact
from inrbench.store.files import BEING_WRITTEN, LINK, below, chunks_of, is_regular, write_atomically
from inrbench.store.processes import mark

HASH_LETTERS = 32
NAME = re.compile(r"[\w.@=+ -]{1,200}(/[\w.@=+ -]{1,200})?")
"""Pattern of the name that a run gives to an artifact."""
FILE_NAME = re.compile(rf"[0-9a-f]{{{HASH_LETTERS}}}(\.[A-Za-z0-9_]{{1,20}}){{0,3}}", re.ASCII)


def artifact_folder(results: Path) -> Path:
    """Return the folder with the artifacts of all runs. Raises StoreError if it is a symbolic link."""
    return below(results, "artifacts")


def keep_artifacts(results: Path, write: Callable[[Path], None], prefix: str = "") -> tuple[Artifact, ...]:
    """Store the files that ``write`` creates, and return them as artifacts.

    Args:
        results: The results folder.
        write: Called with the path of an empty folder, to which it writes the files.
        prefix: Text that is put before the name of each artifact.

    Raises:
        Exception: Any exception that ``write`` raises.
    """
    target = artifact_folder(results)
    target.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target, prefix=f"{BEING_WRITTEN}{mark()}."))
    try:
        write(scratch)
        kept = []
        for path in sorted(path for path in scratch.iterdir() if is_regular(path)):
            with path.open("rb") as stream:
                name = hashlib.file_digest(stream, "sha256").hexdigest()[:HASH_LETTERS] + path.suffix
                os.fsync(stream.fileno())
            kept.append(Artifact(name=prefix + path.name, file=name, bytes=path.stat().st_size))
            path.replace(target / name)
        return tuple(kept)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def artifact_files(results: Path, artifacts: Iterable[Mapping[str, Any]] | None) -> dict[str, Path]:
    """Return a dict from name to path of the artifacts of a row. Files that no longer exist are left out.

    ``artifacts`` is None for rows without this column; the result is then empty. The row may come from an untrusted source:
    a file whose name is not a digest, such as ``../x``, or that is a link, is skipped, and so is an artifact whose name could
    not be that of a file below a folder.
    """
    folder = artifact_folder(results)
    listed = {each["name"]: each["file"] for each in artifacts if each} if artifacts is not None else {}
    return {
        name: folder / file
        for name, file in listed.items()
        if _is_relative(name) and is_artifact_name(file) and is_regular(folder / file)
    }


def _is_relative(name: object) -> bool:
    """Return whether the name of an artifact is a path below a folder: ``step-0000001/reconstruction.png``."""
    return isinstance(name, str) and NAME.fullmatch(name) is not None and not {"", ".", ".."} & set(name.split("/"))


def is_artifact_name(file: object) -> bool:
    """Return whether a value is a valid name for the file of an artifact."""
    return isinstance(file, str) and FILE_NAME.fullmatch(file) is not None


def files_named(table: pa.Table) -> set[str]:
    """Return the names of the artifact files that the rows of a table list. The table has the column ``artifacts``."""
    return {each["file"] for listed in table["artifacts"].to_pylist() for each in listed or ()}


def artifact_error(path: Path) -> str | None:
    """Return why the content of a file does not match its name, or None if it does."""
    if path.is_symlink():
        return LINK
    try:
        for _ in _as_named(path):
            pass
    except BadValue as error:
        return str(error)
    return None


def copy_artifacts(rows: Iterable[Mapping[str, Any]], source: Path, target: Path) -> dict[Path, str]:
    """Copy artifacts to another results folder; return a dict from refused file to reason.

    Files that are already in the target are kept. A copy gets its name only after it is complete, flushed to disk, and its
    content matches the name.

    Args:
        rows: Rows with the column ``artifacts``.
        source: The results folder that the rows come from.
        target: The results folder to copy to.

    Raises:
        StoreError: The target cannot be written.
    """
    refused = {}
    files = {path.name: path for row in rows for path in artifact_files(source, row["artifacts"]).values()}
    for name, path in sorted(files.items()):
        if is_regular(artifact_folder(target) / name):
            continue
        try:
            write_atomically(_as_named(path), artifact_folder(target) / name)
        except BadValue as error:
            refused[path] = str(error)
    return refused


def _as_named(path: Path) -> Iterator[bytes]:
    """Yield the content of a file. Raises BadValue, at the latest at the end, if the content does not match the name."""
    digest, size = hashlib.sha256(), 0
    try:
        for piece in chunks_of(path):
            digest.update(piece)
            size += len(piece)
            if size > MAX_MEDIA_BYTES:
                raise BadValue(f"has more than {MAX_MEDIA_BYTES:,} bytes")
            yield piece
    except OSError as error:
        raise BadValue(f"cannot be read: {error.strerror or error}") from error
    if digest.hexdigest()[:HASH_LETTERS] != path.name.split(".")[0]:
        raise BadValue("its content does not match its name")
