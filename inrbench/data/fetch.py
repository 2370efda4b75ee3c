"""Downloads into the user's cache; each file is checked against the catalogue before it gets its name."""

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError

import pooch
from requests.exceptions import RequestException

from inrbench.data.catalogue import Dataset, dataset
from inrbench.data.locate import Found, cache_folder, file_sha256, locate, require
from inrbench.errors import DataMissing

TIMEOUT_SECONDS = 30


def fetch(name: str, progress: bool = True) -> list[Found]:
    """Download the files of a data set that are missing or corrupt; return where all of them lie.

    Raises DataMissing if a download fails or its bytes are not the catalogue's, DataCorrupt if a corrupt file of the user's
    own folder stands before the good one, UnknownName for an unknown data set.
    """
    wanted = dataset(name)
    prepare = _PREPARE.get(name, _as_it_is)
    for file, sha256 in wanted.sha256.items():
        if not locate(name, file).sound:
            _fetch_one(wanted, file, sha256, prepare, progress)
            require(name, file)  # a corrupt file in INRBENCH_DATA would go on hiding the good one
    return [locate(name, file) for file in wanted.sha256]


def _fetch_one(wanted: Dataset, file: str, sha256: str, prepare: Callable[[Path], Path], progress: bool) -> None:
    folder = cache_folder() / wanted.name
    url = wanted.url_of(file)
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            downloader = pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT_SECONDS)
            raw = pooch.retrieve(url, known_hash=None, fname=file + ".raw", path=scratch, downloader=downloader)
            ready = prepare(Path(raw))
            actual = file_sha256(ready)
            if actual != sha256:
                raise DataMissing(f"{url} gave a file whose sha256 is {actual}, expected {sha256}; it was not kept")
            ready.replace(folder / file)
    except (RequestException, OSError, UnpicklingError) as error:
        where = f"put it at {folder / file}, or set INRBENCH_DATA to a folder that has {wanted.name}/{file}"
        raise DataMissing(f"cannot get {file} from {url} ({type(error).__name__}); {where}") from error


def _as_it_is(path: Path) -> Path:
    return path


def _alexnet_features(path: Path) -> Path:
    """Keep the five convolutions of torchvision's AlexNet, as safetensors."""
    import torch
    from safetensors.torch import save_file

    weights = torch.load(path, map_location="cpu", weights_only=True)
    kept = {key: value.contiguous() for key, value in weights.items() if key.startswith("features.")}
    save_file(kept, path.with_suffix(".safetensors"))
    return path.with_suffix(".safetensors")


_PREPARE: dict[str, Callable[[Path], Path]] = {"lpips": _alexnet_features}
