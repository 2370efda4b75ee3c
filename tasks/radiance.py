"""radiance: a scene from photographs with known cameras, by volume rendering (a small NeRF).

    balls, boxes, columns   nine balls, eight boxes, eight columns
    mixed, crowd, few       three of each; thirty solids; four solids
    mixed-1, mixed-2, mixed-3   other scenes like mixed, for tuning

The scenes are solids with textures, diffuse light, shadows and highlights, rendered exactly by intersecting rays, so that no
download is needed: 24 training views and 8 test views on the upper half of a sphere. The network maps a position to density and
to coefficients of spherical harmonics of the viewing direction (Yu et al. 2021), which gives colours that depend on the
direction. Views are rendered from samples along each ray (Mildenhall et al. 2020). Test views are evaluated, and the depth at
their pixels.
Your own scene in the form of NeRF's Blender scenes: ``--signals ./lego/transforms_train.json``, with the pictures next to it.
Its pictures are reduced to at most ``side`` rows and columns, and at most eight test views are evaluated.
No paper has this task at this size; the protocol ``paper`` has the number of samples and rays of NeRF's code.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from inrbench import Protocol, Task, register_task
from inrbench.data import SCENE_FILE, Scene, file_sha256, read_scene, scene_files
from inrbench.errors import unknown_name
from inrbench.metrics.error import MSE_TRAIN
from inrbench.metrics.views import DEPTH, LPIPS_VIEWS, PSNR_VIEWS, SSIM_VIEWS
from inrbench.registry import ProblemSize
from inrbench.settings import RadianceSettings
from inrbench.spec import digest
from inrbench.tasks._scenes import SCENES, TEST_VIEWS, scene

if TYPE_CHECKING:
    from inrbench.problems import Problem

METRICS = (PSNR_VIEWS.id, SSIM_VIEWS.id, LPIPS_VIEWS.id, DEPTH.id, MSE_TRAIN.id)
OUTPUTS = 1 + 3 * 4
"""Density, and four spherical harmonics for each colour: ``inrbench.problems.radiance.OUTPUTS``."""
MADE_VERSION = 1

PAPER = Protocol(
    name="paper",
    width=256,
    n_layers=8,
    epochs=8000,
    batch=1024,
    lr=5e-4,
    lr_min=5e-5,
    schedule="exponential",
    metrics=METRICS,
    settings=RadianceSettings(side=128, samples=128),
    sources={
        "width, n_layers": "NeRF (Mildenhall et al. 2020): 8 layers of 256",
        "batch, lr, lr_min, schedule": "NeRF's code, config lego: 1,024 rays, 5e-4, which falls to a tenth",
        "samples": "128 stratified samples, without NeRF's second, finer network",
        "epochs": "8,000 steps, inrbench's choice",
        "side": "128 x 128 pixels, inrbench's choice",
    },
)
STANDARD = replace(
    PAPER,
    name="standard",
    width=64,
    n_layers=3,
    epochs=1200,
    batch=512,
    lr=1e-3,
    lr_min=1e-4,
    settings=RadianceSettings(side=64, samples=48),
    sources={
        "all": "inrbench's choice: 1,200 steps of 512 rays with 48 samples, 29 million evaluations of a network of 3 x 64: "
        "one to two minutes of one core per run",
        "side": "64: on 128 x 128 pixels the evaluations of the learning curve would take longer than the training",
    },
)
QUICK = replace(
    STANDARD,
    name="quick",
    width=48,
    epochs=300,
    settings=RadianceSettings(side=32, samples=32),
    sources={"all": "inrbench's choice: takes seconds on a laptop CPU. It does not reproduce any paper"},
)


@register_task("radiance")
class Radiance(Task):
    """Radiance fields."""

    kind = "radiance"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    protocols: ClassVar[Mapping[str, Protocol]] = {"paper": PAPER, "standard": STANDARD, "quick": QUICK}
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {"standard": ("balls", "boxes", "columns", "mixed", "crowd", "few")}
    tuning_split = ("radiance", ("mixed-1", "mixed-2", "mixed-3"))
    file_extensions = (SCENE_FILE,)

    def signals(self) -> tuple[str, ...]:
        """Return the names of the scenes."""
        return tuple(SCENES)

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the camera file's bytes, or of the definition of a procedural scene."""
        if signal in self.files:
            return digest([file_sha256(file) for file in scene_files(self.files[signal])])
        if signal not in SCENES:
            raise unknown_name(
                "signal of task 'radiance'", signal, self.signals(), "your own: --signals ./transforms_train.json"
            )
        return digest({"scene": list(SCENES[signal]), "version": MADE_VERSION})

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the problem size: the rays of a step, each with its samples."""
        if signal not in self.files:
            self.signal_sha256(signal)  # raises UnknownName
        samples = protocol.settings_as(RadianceSettings).samples
        return ProblemSize(3, OUTPUTS, protocol.batch or 1, evals_per_point=samples)

    def accepts(self, path: Path) -> bool:
        """Return whether a file has the name of a camera file."""
        return path.suffix.lower() == SCENE_FILE and path.name.startswith("transforms")

    def scene(self, signal: str, protocol: Protocol) -> Scene:
        """Return the views of a scene."""
        side = protocol.settings_as(RadianceSettings).side
        if signal in self.files:
            return read_scene(self.files[signal], side, TEST_VIEWS)
        return scene(signal, side)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load or render the views. Nothing is drawn at random.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Not used.
        """
        from inrbench.problems import radiance_problem

        return radiance_problem(self.scene(signal, protocol), protocol)
