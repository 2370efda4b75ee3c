"""denoise, super-resolution, inpainting: an image recovered from an observation of it.

    denoise            all pixels, with photon and readout noise
    super-resolution   means of blocks of pixels; the network's block means are fitted to them
    inpainting         a random share of the pixels, evaluated on all the others

Signals are those of the task photo: scikit-image's photographs, and your own images (``--signals ./mine.png``). The truth is
not fitted, so a method that fits the observation better may recover the image less well. Protocols ``paper`` follow the
authors' scripts of WIRE (Saragadam et al. 2023: ``wire_image_denoise.py``, ``wire_SISR.py``) and INCODE (Kazerouni et al. 2024:
``train_inpainting.ipynb``), on these images. The scripts report the iterate that is closest to the truth; inrbench reports the
last one.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from inrbench import Protocol, register_task
from inrbench.data import fitted_shape, image_shape
from inrbench.metrics.error import MSE_TRAIN
from inrbench.metrics.image import PSNR, PSNR_UNOBSERVED, SSIM
from inrbench.metrics.lpips import LPIPS
from inrbench.registry import ProblemSize
from inrbench.settings import DenoiseSettings, ImageSettings, InpaintingSettings, SuperResolutionSettings
from inrbench.tasks.kodak import TUNING
from inrbench.tasks.photo import STANDARD_SIGNALS, Photo

if TYPE_CHECKING:
    from inrbench.problems import Problem

WHOLE = (PSNR.id, SSIM.id, LPIPS.id, MSE_TRAIN.id)
RANGE: Any = {"coordinate_range": (-1.0, 1.0)}
SCALED = "the protocol 'paper', on images reduced to {pixels} pixels: {ratio} parameters per fitted value, as there"
BUDGET = "{steps} steps: about half a minute of one core per run"
OURS = "inrbench's choice: takes seconds on a laptop CPU. It does not reproduce any paper"


def protocol(
    name: str,
    metrics: tuple[str, ...],
    sources: Mapping[str, str],
    *,
    width: int,
    n_layers: int,
    epochs: int,
    lr: float,
    lr_min: float,
    settings: ImageSettings,
    batch: int | None = None,
) -> Protocol:
    """Return a protocol of a restoration task, with an exponential schedule as in all the authors' scripts.

    Args:
        name: Name of the protocol.
        metrics: Ids of the metrics, the primary one first.
        sources: Where each number comes from.
        width: Channels of a nonlinear layer.
        n_layers: Nonlinear layers.
        epochs: Passes over the points.
        lr: Learning rate at the start.
        lr_min: Learning rate at the end.
        settings: Settings of the task, with coordinates in [-1, 1].
        batch: Points per step; None for all points.
    """
    return Protocol(
        name=name,
        width=width,
        n_layers=n_layers,
        epochs=epochs,
        batch=batch,
        lr=lr,
        lr_min=lr_min,
        schedule="exponential",
        metrics=metrics,
        sources=sources,
        settings=settings,
    )


class Restoration(Photo):
    """Common parts of the three restoration tasks."""

    kind = "restoration"  # a method's settings for fitting images need not suit restoration
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {"standard": STANDARD_SIGNALS}

    def fitted_shape(self, signal: str, protocol: Protocol) -> tuple[int, int, int]:
        """Return rows, columns and channels of the image to be recovered."""
        *shape, channels = image_shape(self.path(signal), protocol.settings_as(ImageSettings).page)
        height, width = fitted_shape(shape, protocol.settings_as(ImageSettings).max_pixels, step=1)
        return height, width, channels

    def image(self, signal: str, protocol: Protocol) -> Any:
        """Return the image as it is in its file."""
        from inrbench.data import read_image

        return read_image(self.path(signal), page=protocol.settings_as(ImageSettings).page)


@register_task("denoise")
class Denoise(Restoration):
    """An image recovered from noisy pixels."""

    tuning_split = ("denoise", TUNING)
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": protocol(
            "paper",
            WHOLE,
            {
                "width, n_layers, epochs, schedule, coordinates": "wire_image_denoise.py: width 256, 2 hidden-to-hidden "
                "layers, 2,000 epochs, lr decays to a tenth, [-1, 1]",
                "lr": "5e-3, wire_image_denoise.py since commit 2eb758b",
                "photons, readout": "wire_image_denoise.py: 30 for a pixel of value 1, standard deviation 2",
                "max_pixels": "inrbench's choice; the script reduces its single image by a factor of 4 in each direction",
                "batch": "all pixels in each step, as in the script for up to 65,536 pixels",
            },
            width=256,
            n_layers=3,
            epochs=2000,
            lr=5e-3,
            lr_min=5e-4,
            settings=DenoiseSettings(**RANGE, max_pixels=65_536, photons=30.0, readout=2.0),
        ),
        "standard": protocol(
            "standard",
            WHOLE,
            {
                "width, max_pixels": SCALED.format(pixels="9,216", ratio=0.7),
                "n_layers, epochs, schedule, coordinates, photons, readout": "the protocol 'paper'",
                "lr": "1e-3: 5e-3 is WIRE's own rate, at which other methods diverge",
                "budget": BUDGET.format(steps="2,000"),
            },
            width=96,
            n_layers=3,
            epochs=2000,
            lr=1e-3,
            lr_min=1e-4,
            settings=DenoiseSettings(**RANGE, max_pixels=9_216, photons=30.0, readout=2.0),
        ),
        "quick": protocol(
            "quick",
            WHOLE,
            {"all": OURS},
            width=64,
            n_layers=3,
            epochs=60,
            batch=2048,
            lr=1e-3,
            lr_min=1e-4,
            settings=DenoiseSettings(**RANGE, max_pixels=17_000, photons=30.0, readout=2.0),
        ),
    }

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the problem size: one point per pixel."""
        height, width, channels = self.fitted_shape(signal, protocol)
        return ProblemSize(2, channels, height * width)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load an image and draw its noise.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Seed of the noise.
        """
        from inrbench.problems import denoising_problem

        return denoising_problem(self.image(signal, protocol), protocol, data_seed)


@register_task("super-resolution")
class SuperResolution(Restoration):
    """An image recovered from a coarser one."""

    tuning_split = ("super-resolution", TUNING)
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": protocol(
            "paper",
            WHOLE,
            {
                "width, n_layers, epochs, schedule, coordinates": "wire_SISR.py: width 256, 2 hidden-to-hidden layers, "
                "2,000 epochs, lr decays to a fifth",
                "lr": "1e-3, which a comment in wire_SISR.py gives for SIREN and Gauss; as published, for WIRE, it is 1e-2",
                "scale": "wire_SISR.py: 4, means of blocks",
                "max_pixels": "inrbench's choice; the script reduces its single image by a factor of 3 in each direction",
                "batch": "all pixels in each step, as in the script",
            },
            width=256,
            n_layers=3,
            epochs=2000,
            lr=1e-3,
            lr_min=2e-4,
            settings=SuperResolutionSettings(**RANGE, max_pixels=65_536, scale=4),
        ),
        "standard": protocol(
            "standard",
            WHOLE,
            {
                "width, max_pixels": SCALED.format(pixels="9,216", ratio=11),
                "n_layers, epochs, lr, schedule, coordinates, scale": "the protocol 'paper'",
                "budget": BUDGET.format(steps="2,000"),
            },
            width=96,
            n_layers=3,
            epochs=2000,
            lr=1e-3,
            lr_min=2e-4,
            settings=SuperResolutionSettings(**RANGE, max_pixels=9_216, scale=4),
        ),
        "quick": protocol(
            "quick",
            WHOLE,
            {"all": OURS},
            width=64,
            n_layers=3,
            epochs=60,
            batch=128,
            lr=1e-3,
            lr_min=2e-4,
            settings=SuperResolutionSettings(**RANGE, max_pixels=17_000, scale=4),
        ),
    }

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the problem size: one point per block. The network is evaluated at each pixel of the block."""
        scale = protocol.settings_as(SuperResolutionSettings).scale
        height, width, channels = self.fitted_shape(signal, protocol)
        return ProblemSize(2, channels, (height // scale) * (width // scale), evals_per_point=scale**2)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load an image and reduce it. Nothing is drawn at random.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Not used.
        """
        from inrbench.problems import super_resolution_problem

        return super_resolution_problem(self.image(signal, protocol), protocol)


@register_task("inpainting")
class Inpainting(Restoration):
    """An image recovered from some of its pixels."""

    tuning_split = ("inpainting", TUNING)
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": protocol(
            "paper",
            (PSNR_UNOBSERVED.id, *WHOLE),
            {
                "width, n_layers, epochs, batch, lr, schedule": "train_inpainting.ipynb: width 256, 3 hidden-to-hidden "
                "layers, 501 epochs, batch 8,192, lr from 1.5e-4 to a quarter of it",
                "share": "train_inpainting.ipynb: 0.2",
                "max_pixels": "inrbench's choice; the notebook fits one image of 572x582",
                "coordinate_range": "[-1, 1], inrbench's choice: the notebook does not show it",
                "metrics": "unobserved pixels first: inrbench's choice; the notebook reports all pixels",
            },
            width=256,
            n_layers=4,
            epochs=501,
            batch=8192,
            lr=1.5e-4,
            lr_min=3.75e-5,
            settings=InpaintingSettings(**RANGE, max_pixels=262_144, share=0.2),
        ),
        "standard": protocol(
            "standard",
            (PSNR_UNOBSERVED.id, *WHOLE),
            {
                "width, max_pixels": SCALED.format(pixels="16,384", ratio=1),
                "epochs": "4,000 steps on all observed pixels, as many steps as in 'paper', which has 8 in each epoch",
                "lr": "1e-3, from which it falls to a quarter, as in 'paper': 1.5e-4 is INCODE's own rate",
                "n_layers, schedule, coordinates, share": "the protocol 'paper'",
                "budget": BUDGET.format(steps="4,000"),
            },
            width=56,
            n_layers=4,
            epochs=4000,
            lr=1e-3,
            lr_min=2.5e-4,
            settings=InpaintingSettings(**RANGE, max_pixels=16_384, share=0.2),
        ),
        "quick": protocol(
            "quick",
            (PSNR_UNOBSERVED.id, *WHOLE),
            {"all": OURS},
            width=64,
            n_layers=4,
            epochs=100,
            batch=1024,
            lr=1e-3,
            lr_min=2.5e-4,
            settings=InpaintingSettings(**RANGE, max_pixels=17_000, share=0.2),
        ),
    }

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the problem size: one point per observed pixel."""
        height, width, channels = self.fitted_shape(signal, protocol)
        return ProblemSize(2, channels, int(height * width * protocol.settings_as(InpaintingSettings).share))

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load an image and draw its observed pixels.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Seed of the choice of pixels.
        """
        from inrbench.problems import inpainting_problem

        return inpainting_problem(self.image(signal, protocol), protocol, data_seed)
