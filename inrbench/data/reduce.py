"""Images made smaller: by which factor, and how."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inrbench.errors import BadValue


def reduction_factor(shape: Sequence[int], max_pixels: int | None, step: int = 2) -> int:
    """Return the smallest reduction of ``(H, W)`` that leaves at most ``max_pixels`` pixels; 1 for no limit.

    It is a multiple of ``step``: even by default, also where nothing needs reducing, so that the image at twice the fitted
    resolution is always there to compare with.

    Raises BadValue for less than a pixel.

    >>> reduction_factor((512, 768), 25_000), reduction_factor((512, 768), None), reduction_factor((512, 768), 50_000, step=1)
    (4, 1, 3)
    """
    if max_pixels is None:
        return 1
    if max_pixels < 1:
        raise BadValue(f"max_pixels must be at least 1, or none, got {max_pixels}")
    height, width = shape
    factor = step
    while (height // factor) * (width // factor) > max_pixels:
        factor += step
    if min(height, width) < factor:
        raise BadValue(f"an image of {width}x{height} pixels is too small to be reduced {factor} times")
    return factor


def fitted_shape(shape: Sequence[int], max_pixels: int | None, step: int = 2) -> tuple[int, int]:
    """Return ``(H, W)`` after the reduction."""
    factor = reduction_factor(shape, max_pixels, step)
    height, width = shape
    return height // factor, width // factor


def area_mean(image: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return an image ``(H, W, C)`` reduced to ``(H // factor, W // factor, C)``, each pixel the mean of a square block.

    Rows and columns that fill no block are cut off.
    """
    height, width = (size // factor for size in image.shape[:2])
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    return blocks.mean(axis=(1, 3), dtype=np.float64).astype(np.float32)
