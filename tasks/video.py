"""video: one network for a clip, from (time, row, column) to colour.

    bigbuckbunny   the first 132 frames of the film, 1280x720, reduced to 320x180 (by block means, rounded to 8 bit)
    orbits, ripples, spin, conveyor, swarm, waves
                   procedural: discs in orbit, circular waves, a chequered board that turns, boxes on conveyors, forty small
                   discs, and plane waves, defined at every time and every resolution
    pan, turn      scikit-image's astronaut under a moving window, and its cup of coffee, which turns

Table 1 of Han et al., AAAI 2026, fits the first 100 frames of Big Buck Bunny at 180x320. Its official code reads the clip at
its own size and truncates the prediction to 8 bit before the PSNR, which costs 0.3 dB at 42 dB; here the PSNR without
truncation is reported as well. ``paper`` fits every frame, so no frame is left to interpolate. ``paper-heldout``,
``standard`` and ``quick`` fit the even frames and also render the odd ones, which are not fitted.
Your own clip: ``--signals ./clip.mp4``.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from inrbench import Protocol, Task, register_task
from inrbench.data import dataset, file_sha256, fitted_shape, video_shape
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
from inrbench.tasks._clips import CLIPS
from inrbench.tasks._clips import frames as made_frames

if TYPE_CHECKING:
    from inrbench.problems import Problem

CLIP = "bigbuckbunny"
CLIP_SHAPE = (720, 1280)
MADE_SHAPE = (180, 320)
MADE_VERSION = 1

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
STANDARD = dataclasses.replace(
    PAPER,
    name="standard",
    width=100,
    batch=2048,
    metrics=tuple(m.id for m in (PSNR_FLOAT, PSNR_FLOAT_STD, SSIM_FRAMES, PSNR_HELDOUT, PSNR_8BIT)),
    settings=VideoSettings(coordinate_range=(0.0, 1.0), frames=31, max_pixels=3600, fit="even"),
    sources={
        **PAPER.sources,
        "frames, max_pixels": "16 fitted frames at 45x80, 57,600 pixels, inrbench's choice; the odd frames are held out",
        "width": "20,903 parameters for 172,800 values, 0.12 per value; 'paper' has 0.02",
        "batch": "2,048 pixels, 29 steps in each pass; 'paper' has 282",
        "budget": "500 passes, 28.8 million points: about a minute of one core per run",
    },
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
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": PAPER,
        "paper-heldout": HELDOUT,
        "standard": STANDARD,
        "quick": QUICK,
    }
    tuning_split = ("video", ("orbits", "waves", "turn"))
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "quick": ("orbits",),
        "paper": (CLIP,),
        "standard": (CLIP, "pan", "ripples", "spin", "conveyor", "swarm"),
    }
    file_extensions = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg")

    def signals(self) -> tuple[str, ...]:
        """Return the clips' names."""
        return (CLIP, *CLIPS)

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the file's bytes, or of the definition of a procedural clip."""
        if signal in self.files:
            return file_sha256(self.files[signal])
        if signal == CLIP:
            return dataset("video").sha256[f"{CLIP}.mp4"]
        if signal in CLIPS:
            return digest({"video": signal, "version": MADE_VERSION})
        raise unknown_name("signal of task 'video'", signal, self.signals(), "your own clip: --signals ./clip.mp4")

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the size of the clip as the protocol fits it."""
        shape = {CLIP: CLIP_SHAPE, **dict.fromkeys(CLIPS, MADE_SHAPE)}.get(signal) or video_shape(self.files[signal])
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
        if signal in CLIPS and signal not in self.files:
            return video_problem(made_frames(signal, frames, *fitted_shape(MADE_SHAPE, max_pixels, step=1)), protocol)
        path: Path = self.files.get(signal) or require_file("video", f"{CLIP}.mp4")
        return video_problem(read_video(path, frames, max_pixels), protocol)
