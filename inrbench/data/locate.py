"""Where data lies: ``INRBENCH_DATA`` first, then the user's cache. Each file is checked against the catalogue's SHA-256."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from inrbench.data.catalogue import dataset
from inrbench.errors import BadValue, DataCorrupt, DataMissing, unknown


@dataclass(frozen=True)
class Found:
    """A file of a data set on this machine: ``path`` is None where it is missing, ``actual`` is the hash of its bytes."""

    dataset: str
    file: str
    path: Path | None
    expected: str
    actual: str | None

    @property
    def sound(self) -> bool:
        """Whether the file is there and is the one the catalogue means."""
        return self.actual == self.expected


def cache_folder() -> Path:
    """Return the folder that ``inrbench data fetch`` fills."""
    return Path(platformdirs.user_cache_dir("inrbench", appauthor=False)) / "data"


def search_path() -> list[Path]:
    """Return the folders that are searched, in order. Each holds ``<data set>/<file>``."""
    given = os.environ.get("INRBENCH_DATA")
    return [*([Path(given)] if given else []), cache_folder()]


def locate(name: str, file: str) -> Found:
    """Return where a file of a data set lies, with the hash of its bytes. Raises UnknownName for one not in the catalogue."""
    files = dataset(name).sha256
    if file not in files:
        raise unknown(f"file of data set '{name}'", file, files)
    for folder in search_path():
        path = folder / name / file
        if path.is_file():
            return Found(name, file, path, files[file], file_sha256(path))
    return Found(name, file, None, files[file], None)


def require(name: str, file: str) -> Path:
    """Return the path of a file whose bytes are right. Raises DataMissing or DataCorrupt, which name the command that helps."""
    found = locate(name, file)
    if found.path is None:
        raise DataMissing(f"data missing, run: inrbench data fetch {name}")
    if not found.sound:
        raise DataCorrupt(
            f"{found.path} is corrupt: its sha256 is {found.actual}, expected {found.expected}. "
            f"Delete it and run: inrbench data fetch {name}"
        )
    return found.path


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes. Raises BadValue for a file that cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise BadValue(f"{path} cannot be read: {error.strerror}") from error
