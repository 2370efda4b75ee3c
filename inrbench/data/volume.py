"""Read volumes as arrays: NumPy files, TIFF files with several pages, and NIfTI files."""

import gzip
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inrbench.data.arrays import NUMPY, read_array
from inrbench.data.tiff import TIFF, open_tiff, stated_bytes
from inrbench.data.unpacking import refuse_oversized
from inrbench.errors import BadValue, DataMissing, first_line

NIFTI = (".nii", ".gz")
VOLUME_FILES = (NUMPY, *TIFF, *NIFTI)
"""Endings of the files that ``read_volume`` reads. ``.gz`` is a compressed NIfTI file."""
MIN_SIDE = 4
"""Smallest number of voxels along an axis."""
MAX_CHANNELS = 512
MAX_PAGES = 4096


def read_volume(path: Path) -> NDArray[np.float32]:
    """Return a volume as ``(D, H, W, C)`` float32: its smallest value is 0 and its largest 1.

    An array of three dimensions has one channel; a fourth dimension is that of the channels (of a NIfTI file, time). A TIFF
    file has one page per slice.

    Raises:
        DataMissing: A NIfTI file, and nibabel is not installed.
        BadValue: The file cannot be read, has another number of dimensions or fewer than 4 voxels along an axis, or contains
            complex numbers, values that are not finite, or a single value.
    """
    if not path.is_file():
        raise BadValue(f"no such volume: {path}")
    suffix = path.suffix.lower()
    array = read_array(path) if suffix == NUMPY else _read_tiff(path) if suffix in TIFF else _read_nifti(path)
    return _checked(path, array)


def volume_shape(path: Path) -> tuple[int, int, int, int]:
    """Return the shape ``(D, H, W, C)`` of a volume, as ``read_volume`` does."""
    depth, height, width, channels = read_volume(path).shape
    return depth, height, width, channels


def _read_tiff(path: Path) -> NDArray[Any]:
    try:
        with open_tiff(path) as file:
            pages = list(itertools.islice(file.pages, MAX_PAGES + 1))
            if len(pages) > MAX_PAGES:
                raise BadValue(f"{path} has more than {MAX_PAGES} pages")
            refuse_oversized(path, sum(map(stated_bytes, pages)))
            shapes = {page.shape for page in pages}
            if len(shapes) > 1:
                raise BadValue(f"{path} has pages of different sizes: {', '.join(map(str, sorted(shapes)))}")
            return np.stack([page.asarray() for page in pages])
    except BadValue:
        raise
    except Exception as error:  # tifffile raises many kinds of error for a damaged file
        raise BadValue(f"{path} cannot be read as TIFF: {first_line(error)}") from error


def _read_nifti(path: Path) -> NDArray[Any]:
    try:
        import nibabel
    except ImportError as error:
        raise DataMissing(f"{path.name}: NIfTI files need nibabel, run: pip install 'inrbench[medical]'") from error
    try:
        image: Any = nibabel.load(path)
        if np.issubdtype(image.get_data_dtype(), np.complexfloating):
            raise BadValue(f"{path} contains complex numbers; inrbench fits real values")
        refuse_oversized(path, math.prod(image.dataobj.shape) * 8)  # scaled values are float64
        array: NDArray[Any] = np.asarray(image.dataobj)
        _refuse_spare_bytes(path, image.dataobj)
    except BadValue:
        raise
    except Exception as error:  # nibabel raises many kinds of error for a damaged file
        raise BadValue(f"{path} cannot be read as NIfTI: {first_line(error)}") from error
    return array


def _refuse_spare_bytes(path: Path, stored: Any) -> None:
    """Refuse a NIfTI file with more voxels than its header describes: the volume would be a part of it, or shifted."""
    needed = stored.offset + math.prod(stored.shape) * stored.dtype.itemsize
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        file.seek(needed)
        if file.read(1):
            raise BadValue(f"{path} contains more values than its header describes: shape {stored.shape}, {stored.dtype}")


def _checked(path: Path, array: NDArray[Any]) -> NDArray[np.float32]:
    """Return an array with four dimensions and values in [0, 1]."""
    if array.dtype.kind not in "buif":
        raise BadValue(f"{path} contains values of type {array.dtype}; inrbench fits real numbers")
    if array.ndim not in (3, 4):
        raise BadValue(f"{path} has an array of shape {array.shape}; a volume is (D, H, W) or (D, H, W, channels)")
    volume = array[..., None] if array.ndim == 3 else array
    if min(volume.shape[:3]) < MIN_SIDE or not 1 <= volume.shape[3] <= MAX_CHANNELS:
        raise BadValue(
            f"{path} has an array of shape {array.shape}; "
            f"{MIN_SIDE} voxels are needed along each axis, and 1 to {MAX_CHANNELS} channels"
        )
    with np.errstate(invalid="ignore"):  # a signalling NaN; it is refused below
        values = volume.astype(np.float64)
    if not np.isfinite(values).all():
        raise BadValue(f"{path} contains values that are not finite numbers")
    low, high = values.min(), values.max()
    if not low < high:
        raise BadValue(f"{path} contains nothing to fit: all values are {low:g}")
    return ((values - low) / (high - low)).astype(np.float32)
