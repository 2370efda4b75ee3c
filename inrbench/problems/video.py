"""Video: one network from time, row and column to colour, judged frame by frame, also on frames it never saw."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from inrbench.data import Frames, write_image, write_video
from inrbench.errors import BadValue
from inrbench.metrics.image import SSIM_WINDOW
from inrbench.metrics.video import FramePairs, psnr_float
from inrbench.problems.base import Predict
from inrbench.problems.grid import ByteValues, Grid, GridRegression
from inrbench.problems.outputs import Outputs
from inrbench.problems.value_range import in_unit_range
from inrbench.settings import MIN_FRAMES, VideoSettings
from inrbench.spec import Protocol

ALL_FITTED = "the protocol fits every frame, so there are none between them"


def video_problem(frames: Frames, protocol: Protocol) -> GridRegression:
    """Return the regression of frames ``(T, H, W, 3)`` on their pixels, under the protocol's settings.

    ``fit``: ``all`` frames, or the ``even`` ones; then the odd ones between them are rendered and judged too.
    ``coordinate_range``: the first and the last frame, row and column lie on its two ends. Coordinates are (time, row, column).

    Raises BadValue for frames too small to be judged, or too few.
    """
    settings = protocol.settings_as(VideoSettings)
    if min(frames.shape[1:3]) < SSIM_WINDOW:
        raise BadValue(f"frames of {frames.shape[2]}x{frames.shape[1]} pixels are too small: SSIM needs {SSIM_WINDOW}")
    if len(frames) < MIN_FRAMES:
        raise BadValue(f"{len(frames)} frame(s) are no video: at least {MIN_FRAMES} are needed")
    low, high = settings.span
    step = 1 if settings.fit == "all" else 2
    evaluation = VideoEvaluation(frames, step, (low, high))
    fitted = frames[::step]
    last = (len(fitted) - 1) * step / (len(frames) - 1)
    grid = Grid(fitted.shape[:3], (low,) * 3, (low + (high - low) * last, high, high))
    values = ByteValues(torch.from_numpy(fitted.reshape(-1, 3)), settings.value_range)
    return GridRegression(grid, values, protocol.batch, in_unit_range(evaluation, settings.value_range), ((low, high),) * 3)


class VideoEvaluation:
    """Judges reconstructed frames, every ``step``-th of which was fitted."""

    def __init__(self, frames: Frames, step: int, span: tuple[float, float]) -> None:
        self.frames, self.step, self.span = frames, step, span

    def outputs(self, predict: Predict) -> Outputs:
        """Return the fitted frames and the frames held out between them, each with its original."""
        functions = {
            "fitted_frames": lambda _: self._pairs(predict, self.fitted()),
            "heldout_frames": lambda _: self._pairs(predict, self.heldout()),
        }
        return Outputs(functions, {} if self.heldout() else {"heldout_frames": ALL_FITTED})

    def _pairs(self, predict: Predict, numbers: range) -> FramePairs:
        def render() -> Iterator[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
            for t, frame in self.rendered(predict, numbers):
                yield frame, self.frames[t]

        return FramePairs(render, 4 * len(numbers) * self.frames[0].size)

    def grid_pair(self, predict: Predict) -> tuple[NDArray[np.floating], NDArray[np.float32]]:
        """Return the fitted frame in the middle and its reconstruction."""
        middle = self._middle()
        ((_, frame),) = self.rendered(predict, range(middle, middle + 1))
        return self.frames[middle] / 255, frame

    scaled_suffix = ".mp4"

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write ``reconstruction.mp4``, the original on the left, and in this way ``worst-frame.png``, that of least PSNR;
        and the fitted frame in the middle, as ``reconstruction.png`` and ``truth.png``.
        """
        pairs, worst = [], (float("inf"), 0)
        for t, frame in self.rendered(predict, range(len(self.frames))):
            pairs.append(np.concatenate((self.frames[t], _bytes(frame)), axis=1))
            worst = min(worst, (psnr_float(frame, self.frames[t]), t))
        write_video(folder / "reconstruction.mp4", np.stack(pairs))
        write_image(folder / "worst-frame.png", pairs[worst[1]] / 255)
        for name, frame in zip(("truth", "reconstruction"), np.split(pairs[self._middle()], 2, axis=1), strict=True):
            write_image(folder / f"{name}.png", frame / 255)

    def save_scaled(self, predict: Predict, scale: int, path: Path) -> None:
        """Write all frames with ``scale`` rows and columns for each that was fitted."""
        frames = self.rendered(predict, range(len(self.frames)), scale)
        write_video(path, np.stack([_bytes(frame) for _, frame in frames]))

    def _middle(self) -> int:
        return self.fitted()[len(self.fitted()) // 2]

    def fitted(self) -> range:
        """The numbers of the frames that are trained on."""
        return range(0, len(self.frames), self.step)

    def heldout(self) -> range:
        """The numbers of the frames that are not, and lie between two that are."""
        return range(1, self.fitted()[-1], 2) if self.step == 2 else range(0)

    def rendered(self, predict: Predict, numbers: range, scale: int = 1) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield ``(t, frame (scale H, scale W, 3))`` for numbers of frames; their corners are those of the fitted frames."""
        low, high = self.span
        count, height, width = len(self.frames), scale * self.frames.shape[1], scale * self.frames.shape[2]
        for t in numbers:
            time = low + (high - low) * t / (count - 1)
            plane = Grid((1, height, width), (time, low, low), (time, high, high))
            yield t, predict(plane.coordinates(slice(0, plane.n_points))).numpy().reshape(height, width, 3)


def _bytes(frame: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.rint(frame.clip(0, 1) * 255).astype(np.uint8)
