"""Quality of a video, frame by frame. Predicted frames are float, reference frames are bytes, both ``(H, W, 3)``."""

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from inrbench.metrics.error import mean_squared_error
from inrbench.metrics.image import ssim
from inrbench.spec import Metric

Frame = NDArray[np.floating]
FrameFunction = Callable[[Frame, NDArray[np.uint8]], float]
CAP = 100.0
"""Largest PSNR of a frame in dB, so that one frame without any error, such as a black one, does not make the mean infinite."""
MAX_CACHED_BYTES = 1 << 28
"""Largest size in bytes of rendered frames that are stored for the next metric. Larger videos are rendered again."""


class FramePairs:
    """Pairs of a rendered frame and its original, for metrics that are means over frames.

    Args:
        render: Function that yields the pairs. It may be called several times.
        n_bytes: Size of all rendered frames.
    """

    def __init__(self, render: Callable[[], Iterator[tuple[Frame, NDArray[np.uint8]]]], n_bytes: int) -> None:
        self._render, self._keep = render, n_bytes <= MAX_CACHED_BYTES
        self._kept: list[tuple[Frame, NDArray[np.uint8]]] | None = None

    def scores(self, function: FrameFunction) -> list[float]:
        """Return the function's value for each pair."""
        if self._keep and self._kept is None:
            self._kept = list(self._render())
        return [function(frame, reference) for frame, reference in (self._kept or self._render())]


def psnr_8bit(frame: Frame, reference: NDArray[np.uint8]) -> float:
    """Return the PSNR of the official MSA code, with the prediction *truncated* to bytes (not rounded).

    The prediction is clipped to [0, 1] and multiplied by 255 before. Truncation costs 0.34 dB at 42 dB and 1.25 dB at 48 dB.

    >>> round(psnr_8bit(np.full((2, 2, 3), 11.9 / 255), np.full((2, 2, 3), 10, dtype=np.uint8)), 2)
    48.13
    """
    truncated = (frame.clip(0, 1) * 255).astype(np.uint8)
    return _decibels(mean_squared_error(truncated, reference) / 255**2)


def psnr_float(frame: Frame, reference: NDArray[np.uint8]) -> float:
    """Return the PSNR of the prediction, clipped to [0, 1] but not rounded."""
    return _decibels(mean_squared_error(frame.clip(0, 1), reference / 255))


def ssim_frame(frame: Frame, reference: NDArray[np.uint8]) -> float:
    """Return the SSIM of a frame."""
    return ssim(frame, reference / 255)


def frame_mean(frames: FramePairs, function: FrameFunction) -> float:
    """Return the mean of a function over frames."""
    return float(np.mean(frames.scores(function)))


def frame_std(frames: FramePairs, function: FrameFunction) -> float:
    """Return the population standard deviation of a function over frames."""
    return float(np.std(frames.scores(function)))


def _decibels(error: float) -> float:
    return min(CAP, 10 * math.log10(1 / error)) if error else CAP


FITTED = ("fitted_frames",)
PSNR_8BIT = Metric(
    id="psnr@frames-8bit-truncated-cap100",
    title="PSNR",
    unit="dB",
    higher_is_better=True,
    compute=partial(frame_mean, function=psnr_8bit),
    needs=FITTED,
)
PSNR_8BIT_STD = Metric(
    id="psnr-std@frames-8bit-truncated-cap100",
    title="PSNR std",
    unit="dB",
    higher_is_better=False,
    scale="dispersion",
    compute=partial(frame_std, function=psnr_8bit),
    needs=FITTED,
)
PSNR_FLOAT = Metric(
    id="psnr@frames-float-cap100",
    title="PSNR",
    unit="dB",
    higher_is_better=True,
    compute=partial(frame_mean, function=psnr_float),
    needs=FITTED,
)
PSNR_FLOAT_STD = Metric(
    id="psnr-std@frames-float-cap100",
    title="PSNR std",
    unit="dB",
    higher_is_better=False,
    scale="dispersion",
    compute=partial(frame_std, function=psnr_float),
    needs=FITTED,
)
SSIM_FRAMES = Metric(
    id="ssim@frames-uniform-w7",
    title="SSIM",
    higher_is_better=True,
    compute=partial(frame_mean, function=ssim_frame),
    needs=FITTED,
)
SSIM_FRAMES_STD = Metric(
    id="ssim-std@frames-uniform-w7",
    title="SSIM std",
    higher_is_better=False,
    scale="dispersion",
    compute=partial(frame_std, function=ssim_frame),
    needs=FITTED,
)
PSNR_HELDOUT = Metric(
    id="psnr-heldout@odd-frames-float-cap100",
    title="PSNR held-out",
    unit="dB",
    higher_is_better=True,
    compute=partial(frame_mean, function=psnr_float),
    needs=("heldout_frames",),
)
