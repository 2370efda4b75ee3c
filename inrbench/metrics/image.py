"""Image quality of a float image ``(H, W, C)`` against its reference, both in [0, 1]."""

import math

import numpy as np
from numpy.typing import NDArray

from inrbench.metrics.error import mean_squared_error
from inrbench.spec import Metric

PSNR = Metric(id="psnr@clip-float", unit="dB", higher_is_better=True)
SSIM = Metric(id="ssim@skimage-uniform-w7", higher_is_better=True)
LPIPS = Metric(id="lpips@alex-v0.1", higher_is_better=False)
PSNR_OFFGRID = Metric(id="psnr-offgrid@2x-area", unit="dB", higher_is_better=True)
PSNR_UNOBSERVED = Metric(id="psnr-unobserved@clip-float", unit="dB", higher_is_better=True)

SSIM_WINDOW = 7


def psnr(image: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """Return 10 log10(1 / MSE) over all pixels and channels, both clipped to [0, 1]; infinite for equal images.

    No rounding to 8 bit: this is the float PSNR of the official MSA code.

    >>> round(psnr(np.full((2, 2, 3), 0.1), np.zeros((2, 2, 3))), 6)
    20.0
    """
    error = mean_squared_error(image.clip(0, 1), reference.clip(0, 1))
    return 10 * math.log10(1 / error) if error else math.inf


def ssim(image: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """Return scikit-image's SSIM with a uniform 7 x 7 window and data range 1, averaged over channels, both clipped to [0, 1].

    The images must be at least 7 pixels in each direction (ValueError otherwise).
    """
    from skimage.metrics import structural_similarity

    a, b = image.clip(0, 1).astype(np.float64), reference.clip(0, 1).astype(np.float64)
    return float(structural_similarity(a, b, win_size=SSIM_WINDOW, data_range=1.0, channel_axis=2))
