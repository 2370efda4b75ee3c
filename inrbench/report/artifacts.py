"""Readers of run artifacts.

The files may come from an untrusted source. Each reader refuses a damaged or too large file with a one-line error.
"""

import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inrbench.errors import BadValue
from inrbench.limits import MAX_ARCHIVE_RATIO, MAX_ARRAY_BYTES, MAX_MEDIA_BYTES, MAX_PIXELS
from inrbench.store.files import chunks_of, read_regular

Picture = NDArray[np.float32]
CURVE = ("x", "truth", "prediction")
BEGINNINGS = {".png": (0, b"\x89PNG\r\n\x1a\n"), ".mp4": (4, b"ftyp"), ".wav": (8, b"WAVE")}
"""Suffix -> offset and bytes that identify a file type that a page may show."""


def picture(path: Path) -> Picture:
    """Return the picture in a PNG file as ``(H, W, 3)`` in [0, 1].

    Raises BadValue if the file is damaged, not a PNG, or too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(read_regular(path, MAX_MEDIA_BYTES)), formats=["PNG"]) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise BadValue(f"{path} has {image.width}x{image.height} pixels; at most {MAX_PIXELS:,} are read")
                pixels = np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadValue(f"{path} cannot be read as a picture: {error}") from error
    return pixels.astype(np.float32) / np.float32(255)


def picture_pair(image: Path, truth: Path) -> tuple[Picture, Picture]:
    """Return a fit and its truth. Raises BadValue if one cannot be read, or if they differ in size."""
    pair = picture(image), picture(truth)
    if pair[0].shape != pair[1].shape:
        raise BadValue(f"{image} and its truth differ in size")
    return pair


def curve(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return the points, truth and fit of a function, ``(N,)`` each. Raises BadValue if the file contains no curve."""
    try:
        content = read_regular(path, MAX_ARRAY_BYTES)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(each.file_size for each in archive.infolist())
        if size > min(MAX_ARRAY_BYTES, MAX_ARCHIVE_RATIO * len(content)):
            raise BadValue(f"{path} unpacks to {size:,} bytes from {len(content):,}: refused")
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            found = {name: np.asarray(archive[name], dtype=np.float64) for name in CURVE}
    except BadValue:
        raise
    except Exception as error:  # NumPy, zipfile and the packers raise many kinds of error for a damaged file
        raise BadValue(f"{path} contains no curve: {error}") from error
    if len({array.shape for array in found.values()}) != 1 or found["x"].ndim != 1:
        raise BadValue(f"{path} contains no curve: its arrays differ in size")
    return found


def media_suffix(path: Path) -> str:
    """Return the suffix of a picture, clip or sound from its content, not its name. Raises BadValue for other files."""
    try:
        start = next(chunks_of(path), b"")[:16]
    except OSError as error:
        raise BadValue(f"{path} cannot be read: {error.strerror or error}") from error
    for suffix, (place, letters) in BEGINNINGS.items():
        if start[place : place + len(letters)] == letters:
            return suffix
    raise BadValue(f"{path} is neither a PNG picture, nor an MP4 clip, nor a WAV sound, so it is not shown")
