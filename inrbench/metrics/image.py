"""Quality of a float image ``(H, W, C)`` compared with its reference, both in [0, 1]."""

import math

import numpy as np
from numpy.typing import NDArray

from inrbench.metrics.error import mean_squared_error
from inrbench.spec import Metric

SSIM_WINDOW = 7
"""Side of SSIM's window in pixels."""


def psnr(image: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """Return 10 log10(1 / MSE) in dB over all pixels and channels, both clipped to [0, 1]; infinite for equal images.

    Values are not rounded to 8 bits: this is the float PSNR of the official MSA code.

    >>> round(psnr(np.full((2, 2, 3), 0.1), np.zeros((2, 2, 3))), 6)
    20.0
    """
    error = mean_squared_error(image.clip(0, 1), reference.clip(0, 1))
    return 10 * math.log10(1 / error) if error else math.inf


def ssim(image: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """Return scikit-image's SSIM with a uniform 7 x 7 window and data range 1, averaged over channels, both clipped to [0, 1].

    Raises ValueError for images with fewer than 7 pixels in either direction.
    """
    from skimage.metrics import structural_similarity

    a, b = image.clip(0, 1).astype(np.float64), reference.clip(0, 1).astype(np.float64)
    return float(structural_similarity(a, b, win_size=SSIM_WINDOW, data_range=1.0, channel_axis=2))


PSNR = Metric(id="psnr@clip-float", title="PSNR", unit="dB", higher_is_better=True, compute=psnr)
SSIM = Metric(id="ssim@skimage-uniform-w7", title="SSIM", higher_is_better=True, compute=ssim)
PSNR_OFFGRID = Metric(
    id="psnr-offgrid@2x-area",
    title="PSNR off-grid",
    unit="dB",
    higher_is_better=True,
    compute=psnr,
    needs=("offgrid_prediction", "offgrid_truth"),
)
PSNR_UNOBSERVED = Metric(
    id="psnr-unobserved@clip-float",
    title="PSNR unobserved",
    unit="dB",
    higher_is_better=True,
    compute=psnr,
    needs=("unobserved_prediction", "unobserved_truth"),
)
