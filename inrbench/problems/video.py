"""Video: a network from time, row and column to colour, evaluated frame by frame, also on frames that are not fitted."""

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
    """Return the regression of frames ``(T, H, W, 3)`` on their pixels, with the protocol's settings.

    ``fit``: ``all`` frames, or the ``even`` ones; in that case the odd frames between them are rendered and evaluated too.
    ``coordinate_range``: coordinates of the first and the last frame, row and column. Coordinates are (time, row, column).

    Raises BadValue for frames that are too small to be evaluated, or for too few frames.
    """
    settings = protocol.settings_as(VideoSettings)
    if min(frames.shape[1:3]) < SSIM_WINDOW:
        raise BadValue(f"frames of {frames.shape[2]}x{frames.shape[1]} pixels are too small: SSIM needs {SSIM_WINDOW}")
    if len(frames) < MIN_FRAMES:
        raise BadValue(f"{len(frames)} frame(s) are too few: a video needs at least {MIN_FRAMES}")
    low, high = settings.span
    step = 1 if settings.fit == "all" else 2
    evaluation = VideoEvaluation(frames, step, (low, high))
    fitted = frames[::step]
    last = (len(fitted) - 1) * step / (len(frames) - 1)
    grid = Grid(fitted.shape[:3], (low,) * 3, (low + (high - low) * last, high, high))
    values = ByteValues(torch.from_numpy(fitted.reshape(-1, 3)), settings.value_range)
    return GridRegression(grid, values, protocol.batch, in_unit_range(evaluation, settings.value_range), ((low, high),) * 3)


class VideoEvaluation:
    """Evaluation of reconstructed frames, of which every ``step``-th was fitted.

    Args:
        frames: All frames ``(T, H, W, 3)``, bytes.
        step: 1 if all frames are fitted, 2 if the even ones are.
        span: Coordinates of the first and the last frame, row and column.
    """

    def __init__(self, frames: Frames, step: int, span: tuple[float, float]) -> None:
        self.frames, self.step, self.span = frames, step, span

    def outputs(self, predict: Predict) -> Outputs:
        """Return the fitted frames and the held-out frames between them, each with its original."""
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
        """Return the middle fitted frame and its reconstruction."""
        middle = self._middle()
        ((_, frame),) = self.rendered(predict, range(middle, middle + 1))
        return self.frames[middle] / 255, frame

    scaled_suffix = ".mp4"

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write the video, the worst frame and the middle fitted frame.

        ``reconstruction.mp4`` has the original on the left. ``worst-frame.png`` shows the frame with the lowest PSNR in the
        same way.
        ``reconstruction.png`` and ``truth.png`` show the middle fitted frame.
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
        """Write all frames with ``scale`` rows and columns per original row and column.

        Args:
            predict: Function from coordinates to values.
            scale: Factor of the resolution.
            path: File to write, ``.mp4``.
        """
        frames = self.rendered(predict, range(len(self.frames)), scale)
        write_video(path, np.stack([_bytes(frame) for _, frame in frames]))

    def _middle(self) -> int:
        return self.fitted()[len(self.fitted()) // 2]

    def fitted(self) -> range:
        """Return the indices of the frames that are fitted."""
        return range(0, len(self.frames), self.step)

    def heldout(self) -> range:
        """Return the indices of the frames that are not fitted and are between two fitted frames."""
        return range(1, self.fitted()[-1], 2) if self.step == 2 else range(0)

    def rendered(self, predict: Predict, numbers: range, scale: int = 1) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield ``(t, frame (scale H, scale W, 3))`` for some frames. The corners have the same coordinates at every scale.

        Args:
            predict: Function from coordinates to values.
            numbers: Indices t of the frames.
            scale: Factor of the resolution.
        """
        low, high = self.span
        count, height, width = len(self.frames), scale * self.frames.shape[1], scale * self.frames.shape[2]
        for t in numbers:
            time = low + (high - low) * t / (count - 1)
            plane = Grid((1, height, width), (time, low, low), (time, high, high))
            yield t, predict(plane.coordinates(slice(0, plane.n_points))).numpy().reshape(height, width, 3)


def _bytes(frame: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.rint(frame.clip(0, 1) * 255).astype(np.uint8)
