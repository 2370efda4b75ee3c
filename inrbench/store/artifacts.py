"""What runs leave to look at, and their weights: files named by their content, so that equal ones are kept once.

A run's row says which files are its own. They are there before the row is, and a row may outlive them: they can be deleted.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from inrbench.spec import Artifact

HASH_LETTERS = 32
FILE_NAME = re.compile(rf"[0-9a-f]{{{HASH_LETTERS}}}(\.\w+)*", re.ASCII)


def artifact_folder(results: Path) -> Path:
    """Return where all runs' files lie."""
    return results / "artifacts"


def keep_artifacts(results: Path, write: Callable[[Path], None], prefix: str = "") -> tuple[Artifact, ...]:
    """Let ``write`` fill a folder, keep its files, and return them, ``prefix`` before their names. Raises what it raises."""
    target = artifact_folder(results)
    target.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target, prefix=".being-written."))
    try:
        write(scratch)
        kept = []
        for path in sorted(path for path in scratch.iterdir() if path.is_file()):
            with path.open("rb") as stream:
                name = hashlib.file_digest(stream, "sha256").hexdigest()[:HASH_LETTERS] + path.suffix
            kept.append(Artifact(name=prefix + path.name, file=name, bytes=path.stat().st_size))
            path.replace(target / name)
        return tuple(kept)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def artifact_files(results: Path, artifacts: Iterable[Mapping[str, Any]] | None) -> dict[str, Path]:
    """Return name -> file of a row's artifacts, of those that are still there; none for rows without the column.

    A row may be anybody's: a file that is not called by a digest, such as ``../x``, is passed over.
    """
    folder = artifact_folder(results)
    held = {each["name"]: each["file"] for each in artifacts if each} if artifacts is not None else {}
    return {name: folder / file for name, file in held.items() if FILE_NAME.fullmatch(file) and (folder / file).is_file()}
