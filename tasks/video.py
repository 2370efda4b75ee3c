"""video: one network for a clip, from (time, row, column) to colour.

    bigbuckbunny   the first 132 frames of the film, 1280x720, reduced to 320x180 (by block means, rounded to 8 bit)
    orbits         procedural: discs that orbit over a drifting pattern, defined at every time and every resolution

Table 1 of Han et al., AAAI 2026, fits the first 100 frames of Big Buck Bunny at 180x320. Its official code reads the clip at
its own size and truncates the prediction to 8 bit before the PSNR, which costs 0.3 dB at 42 dB; here the PSNR without
truncation is reported as well. ``paper`` fits every frame, so no frame is left to interpolate. ``paper-heldout`` and ``quick``
fit the even frames and also render the odd ones, which are not fitted.
Your own clip: ``--signals ./clip.mp4``.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from inrbench import Protocol, Task, register_task
from inrbench.data import Frames, dataset, file_sha256, fitted_shape, video_shape
from inrbench.errors import unknown_name
from inrbench.metrics.video import (
    PSNR_8BIT,
    PSNR_8BIT_STD,
    PSNR_FLOAT,
    PSNR_FLOAT_STD,
    PSNR_HELDOUT,
    SSIM_FRAMES,
    SSIM_FRAMES_STD,
)
from inrbench.registry import ProblemSize
from inrbench.settings import VideoSettings
from inrbench.spec import digest

if TYPE_CHECKING:
    from inrbench.problems import Problem

CLIP = "bigbuckbunny"
CLIP_SHAPE = (720, 1280)
ORBITS_SHAPE = (180, 320)
ORBITS_FRAMES = 100
"""Number of frames in which the discs complete one orbit."""
ORBITS_VERSION = 1

PAPER = Protocol(
    name="paper",
    width=400,
    n_layers=3,
    epochs=500,
    batch=20_480,
    lr=1e-3,
    lr_min=5e-4,
    schedule="cosine",
    metrics=tuple(m.id for m in (PSNR_8BIT, PSNR_8BIT_STD, SSIM_FRAMES, SSIM_FRAMES_STD, PSNR_FLOAT, PSNR_FLOAT_STD)),
    settings=VideoSettings(coordinate_range=(0.0, 1.0), frames=100, max_pixels=57_600, fit="all"),
    sources={
        "width, n_layers, epochs, lr, lr_min": "paper and official code",
        "batch": "20,480 shuffled pixels, official code; not stated in the paper",
        "schedule": "cosine, updated once per epoch, official code",
        "coordinate_range": "[0, 1] on all three axes, first and last sample on the ends, official code",
        "frames, max_pixels": "the first 100 frames at 180x320, paper. The official code does not resize; block means are "
        "inrbench's choice",
        "metrics": "8-bit truncation before PSNR: official code. SSIM: paper, the implementation is inrbench's. Mean and "
        "population standard deviation over frames, as in Table 1",
    },
)
HELDOUT = dataclasses.replace(
    PAPER,
    name="paper-heldout",
    metrics=(PSNR_HELDOUT.id, *PAPER.metrics),
    settings=dataclasses.replace(PAPER.settings_as(VideoSettings), fit="even"),
    sources={**PAPER.sources, "fit": "inrbench's choice: half of the frames are held out, to evaluate interpolation"},
)
QUICK = Protocol(
    name="quick",
    width=64,
    n_layers=3,
    epochs=40,
    batch=2048,
    lr=1e-3,
    lr_min=5e-4,
    schedule="cosine",
    metrics=tuple(m.id for m in (PSNR_FLOAT, PSNR_FLOAT_STD, SSIM_FRAMES, PSNR_HELDOUT, PSNR_8BIT)),
    settings=VideoSettings(coordinate_range=(0.0, 1.0), frames=31, max_pixels=3600, fit="even"),
    sources={
        "all": "inrbench's choice: 16 frames at 45x80, takes seconds on a laptop CPU, otherwise like the protocol 'paper'. "
        "It does not reproduce any paper"
    },
)


@register_task("video")
class Video(Task):
    """Video clips."""

    kind = "video"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    protocols: ClassVar[Mapping[str, Protocol]] = {"paper": PAPER, "paper-heldout": HELDOUT, "quick": QUICK}
    tuning_split = ("video", ("orbits",))
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {"quick": ("orbits",), "paper": (CLIP,)}
    file_extensions = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg")

    def signals(self) -> tuple[str, ...]:
        """Return the clips' names."""
        return (CLIP, "orbits")

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the file's bytes, or of the definition of a procedural clip."""
        if signal in self.files:
            return file_sha256(self.files[signal])
        if signal == CLIP:
            return dataset("video").sha256[f"{CLIP}.mp4"]
        if signal == "orbits":
            return digest({"video": "orbits", "version": ORBITS_VERSION})
        raise unknown_name("signal of task 'video'", signal, self.signals(), "your own clip: --signals ./clip.mp4")

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the size of the clip as the protocol fits it."""
        shape = {CLIP: CLIP_SHAPE, "orbits": ORBITS_SHAPE}.get(signal) or video_shape(self.files[signal])
        settings = protocol.settings_as(VideoSettings)
        height, width = fitted_shape(shape, settings.max_pixels, step=1)
        fitted = settings.frames if settings.fit == "all" else (settings.frames + 1) // 2
        return ProblemSize(3, 3, fitted * height * width)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load a clip. Nothing is drawn at random.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Not used.
        """
        from inrbench.data import read_video, require_file
        from inrbench.problems import video_problem

        settings = protocol.settings_as(VideoSettings)
        frames, max_pixels = settings.frames, settings.max_pixels
        if signal == "orbits":
            return video_problem(orbits(frames, *fitted_shape(ORBITS_SHAPE, max_pixels, step=1)), protocol)
        path: Path = self.files.get(signal) or require_file("video", f"{CLIP}.mp4")
        return video_problem(read_video(path, frames, max_pixels), protocol)


def orbits(n_frames: int, height: int, width: int) -> Frames:
    """Return frames ``(T, H, W, 3)`` of three discs with soft edges that orbit over a drifting pattern of stripes.

    Args:
        n_frames: Number of frames T.
        height: Rows H.
        width: Columns W.
    """
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-16 / 9, 16 / 9, width), indexing="ij")
    return np.stack([_orbits_at(t / ORBITS_FRAMES, x, y) for t in range(n_frames)])


def _orbits_at(turn: float, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.uint8]:
    drift = 2 * np.pi * turn
    stripes = np.sin(9 * x + 4 * y + 3 * drift) * np.sin(14 * y - 5 * x + 2 * drift)
    frame = np.stack([0.45 + 0.25 * stripes, 0.5 + 0.2 * np.cos(6 * x + drift), 0.55 - 0.25 * stripes * y], axis=-1)
    discs = ((0.9, 0.3, 0.0, (0.95, 0.75, 0.1)), (0.6, 0.22, 2.1, (0.85, 0.15, 0.2)), (0.35, 0.16, 4.2, (0.1, 0.2, 0.75)))
    for radius, size, phase, colour in discs:
        angle = drift + phase
        distance = np.hypot(x - 1.5 * radius * np.cos(angle), y - radius * np.sin(angle))
        cover = 1 / (1 + np.exp((distance - size) / 0.015))[..., None]
        frame = frame * (1 - cover) + np.array(colour) * cover
    result: NDArray[np.uint8] = np.rint(frame.clip(0, 1) * 255).astype(np.uint8)
    return result
