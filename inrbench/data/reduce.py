"""Reduce images and volumes by a whole factor."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inrbench.errors import BadValue


def reduction_factor(shape: Sequence[int], max_pixels: int | None, step: int = 2) -> int:
    """Return the smallest factor that reduces ``(H, W)`` to at most ``max_pixels`` pixels; 1 if there is no limit.

    With a limit, the factor is a multiple of ``step``. By default it is even, also if no reduction is needed, so that the image
    at twice the fitted resolution always exists for comparison.

    Args:
        shape: ``(H, W)`` in pixels.
        max_pixels: Largest number of pixels, at least 1; None for no limit.
        step: Number of which the factor is a multiple.

    Raises:
        BadValue: ``max_pixels`` is less than 1, or the reduced image would have less than one pixel.

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
        raise BadValue(f"an image of {width}x{height} pixels is too small to be reduced by a factor of {factor}")
    return factor


def fitted_shape(shape: Sequence[int], max_pixels: int | None, step: int = 2) -> tuple[int, int]:
    """Return ``(H, W)`` after the reduction.

    Args:
        shape: ``(H, W)`` before the reduction, in pixels.
        max_pixels: As in ``reduction_factor``.
        step: As in ``reduction_factor``.
    """
    factor = reduction_factor(shape, max_pixels, step)
    height, width = shape
    return height // factor, width // factor


def area_mean(image: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return an image ``(H, W, C)`` reduced to ``(H // factor, W // factor, C)``, each pixel the mean of a square block.

    Rows and columns that do not fill a block are dropped.
    """
    height, width = (size // factor for size in image.shape[:2])
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    return blocks.mean(axis=(1, 3), dtype=np.float64).astype(np.float32)


def reduced_volume_shape(shape: Sequence[int], max_voxels: int | None) -> tuple[int, int, int]:
    """Return ``(D, H, W)`` after the smallest whole factor that leaves at most ``max_voxels`` voxels.

    Args:
        shape: ``(D, H, W)`` in voxels.
        max_voxels: Largest number of voxels; None for no limit.

    >>> reduced_volume_shape((24, 128, 96), 40_000), reduced_volume_shape((16, 16, 16), None)
    ((12, 64, 48), (16, 16, 16))
    """
    factor = _volume_factor(shape, max_voxels)
    depth, height, width = (side // factor for side in shape)
    return depth, height, width


def volume_mean(volume: NDArray[np.float32], max_voxels: int | None) -> NDArray[np.float32]:
    """Return a volume ``(D, H, W, C)`` reduced to at most ``max_voxels`` voxels, each the mean of a cubic block.

    Voxels that do not fill a block are dropped.
    """
    factor = _volume_factor(volume.shape[:3], max_voxels)
    depth, height, width = (side // factor for side in volume.shape[:3])
    blocks = volume[: depth * factor, : height * factor, : width * factor]
    blocks = blocks.reshape(depth, factor, height, factor, width, factor, -1)
    means: NDArray[np.float32] = blocks.mean(axis=(1, 3, 5), dtype=np.float64).astype(np.float32)
    return means


def _volume_factor(shape: Sequence[int], max_voxels: int | None) -> int:
    """Return the smallest whole factor that leaves at most ``max_voxels`` voxels.

    Raises BadValue if the reduced volume would have less than one voxel along an axis.
    """
    depth, height, width = shape
    factor = 1
    while max_voxels is not None and (depth // factor) * (height // factor) * (width // factor) > max_voxels:
        factor += 1
    if min(shape) < factor:
        raise BadValue(f"a volume of {depth}x{height}x{width} voxels is too small to be reduced by a factor of {factor}")
    return factor
