"""Image files as arrays."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inrbench.errors import BadValue

SCALES = {"L": 255.0, "RGB": 255.0, "I;16": 65535.0}
"""Pillow's modes that are read as they are -> the value that becomes 1."""


def image_shape(path: Path) -> tuple[int, int, int]:
    """Return ``(H, W, C)`` of an image file from its header alone. Raises BadValue for a file that is no image."""
    with _opened(path) as image:
        return image.height, image.width, len(image.getbands())


def read_image(path: Path, channels: tuple[int, ...] = (1, 3)) -> NDArray[np.float32]:
    """Return an image file as ``(H, W, C)`` float32 in [0, 1], C = 1 for gray and 3 for RGB.

    Raises BadValue for a file that is no readable image, or one with an alpha channel, a palette or a number of channels
    that is not in ``channels``: what they should turn into is for the user to say.
    """
    with _opened(path) as image:
        image.load()
        mode = image.mode
        array = np.asarray(image)
    if mode not in SCALES:
        advice = "convert it first, with Pillow for example: Image.open(...).convert('RGB').save(...)"
        raise BadValue(f"{path} is of mode {mode}; inrbench fits gray (L) or RGB images: {advice}")
    array = array[..., None] if array.ndim == 2 else array
    if array.shape[2] not in channels:
        wanted = " or ".join({1: "gray", 3: "RGB"}[c] for c in channels)
        raise BadValue(f"{path} has {array.shape[2]} channel(s), expected {wanted}")
    return (array / np.float32(SCALES[mode])).astype(np.float32)


def write_image(path: Path, image: NDArray[np.floating]) -> None:
    """Write an image ``(H, W, 1 or 3)`` in [0, 1] as 8-bit PNG, values clipped and rounded."""
    pixels = np.rint(image.clip(0, 1) * 255).astype(np.uint8)
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            yield image
    except FileNotFoundError as error:
        raise BadValue(f"no such image: {path}") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadValue(f"{path} cannot be read as an image: {error}") from error
