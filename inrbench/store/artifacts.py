"""What runs leave to look at, and their weights: files named by their content, so that equal ones are kept once.

A run's row says which files are its own. They are there before the row is, and a row may outlive them: they can be deleted.
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
FILE_NAME = re.compile(rf"[0-9a-f]{{{HASH_LETTERS}}}(\.[A-Za-z0-9_]{{1,20}}){{0,3}}", re.ASCII)


def artifact_folder(results: Path) -> Path:
    """Return where all runs' files lie. Raises StoreError where a link is in its place."""
    return below(results, "artifacts")


def keep_artifacts(results: Path, write: Callable[[Path], None], prefix: str = "") -> tuple[Artifact, ...]:
    """Let ``write`` fill a folder, keep its files, and return them, ``prefix`` before their names. Raises what it raises."""
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
    """Return name -> file of a row's artifacts, of those that are still there; none for rows without the column.

    A row may be anybody's: a file that is not called by a digest, such as ``../x``, or that is a link, is passed over.
    """
    folder = artifact_folder(results)
    held = {each["name"]: each["file"] for each in artifacts if each} if artifacts is not None else {}
    return {name: folder / file for name, file in held.items() if is_artifact_name(file) and is_regular(folder / file)}


def is_artifact_name(file: object) -> bool:
    """Whether a text is what an artifact's file can be called."""
    return isinstance(file, str) and FILE_NAME.fullmatch(file) is not None


def files_named(table: pa.Table) -> set[str]:
    """Return the files that rows with the column ``artifacts`` name as theirs."""
    return {each["file"] for held in table["artifacts"].to_pylist() for each in held or ()}


def artifact_error(path: Path) -> str | None:
    """Return why a file is not the artifact that its name says, None if it is."""
    if path.is_symlink():
        return LINK
    try:
        for _ in _as_named(path):
            pass
    except BadValue as error:
        return str(error)
    return None


def copy_artifacts(rows: Iterable[Mapping[str, Any]], source: Path, target: Path) -> dict[Path, str]:
    """Copy what runs left to another results folder; return why files were refused. What is there already stays.

    Each copy is whole and flushed before it bears its name, and its content is what the name says. Raises StoreError where the
    target cannot be written.
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
    """Yield a file's content. Raises BadValue, at the end at the latest, where that is not what the name says."""
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
        raise BadValue("does not hold what its name says")
