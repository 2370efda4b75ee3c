"""denoise, super-resolution, inpainting: an image found from what a sensor gave of it.

    denoise            all pixels, under photon and readout noise
    super-resolution   means of blocks of pixels; those of the network's values are fitted to them
    inpainting         a random share of the pixels, judged by all the others

Signals are photo's: scikit-image's photographs, and images of yours by ``--signals ./mine.png``. The truth is never fitted, so
a method that fits its data better may well find less of the image. Protocols ``paper`` follow the authors' scripts of WIRE
(Saragadam et al. 2023: ``wire_image_denoise.py``, ``wire_SISR.py``) and INCODE (Kazerouni et al. 2024:
``train_inpainting.ipynb``) on our images; there the best iterate against the truth is reported, here the last one.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from inrbench.tasks.photo import Photo

from inrbench import Protocol, register_task
from inrbench.data import fitted_shape, image_shape
from inrbench.metrics.error import MSE_TRAIN
from inrbench.metrics.image import PSNR, PSNR_UNOBSERVED, SSIM
from inrbench.metrics.lpips import LPIPS
from inrbench.registry import ProblemSize
from inrbench.settings import DenoiseSettings, ImageSettings, InpaintingSettings, SuperResolutionSettings

if TYPE_CHECKING:
    from inrbench.problems import Problem

WHOLE = (PSNR.id, SSIM.id, LPIPS.id, MSE_TRAIN.id)
RANGE: Any = {"coordinate_range": (-1.0, 1.0)}
OURS = "ours: seconds on a laptop CPU. It reproduces no paper"


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
    """Return a protocol of one of the three: coordinates in [-1, 1] and an exponential schedule, as in all those scripts."""
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
    """What the three have in common."""

    kind = "restoration"  # what a method fits an image with says little of how it finds one
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    tuning_split = None
    tuning_metric = ""

    def fitted_shape(self, signal: str, protocol: Protocol) -> tuple[int, int, int]:
        """Return rows, columns and channels of the image that is to be found."""
        *shape, channels = image_shape(self.path(signal), protocol.settings_as(ImageSettings).page)
        height, width = fitted_shape(shape, protocol.settings_as(ImageSettings).max_pixels, step=1)
        return height, width, channels

    def image(self, signal: str, protocol: Protocol) -> Any:
        """Return the image as its file has it."""
        from inrbench.data import read_image

        return read_image(self.path(signal), page=protocol.settings_as(ImageSettings).page)


@register_task("denoise")
class Denoise(Restoration):
    """An image from noisy pixels."""

    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": protocol(
            "paper",
            WHOLE,
            {
                "width, n_layers, epochs, schedule, coordinates": "wire_image_denoise.py: 256, 2 hidden to hidden, 2,000, to a "
                "tenth, [-1, 1]",
                "lr": "wire_image_denoise.py since 2eb758b: 5e-3",
                "photons, readout": "wire_image_denoise.py: 30 for a pixel of value 1, standard deviation 2",
                "max_pixels": "ours; the script reduces its one image four times in each direction",
                "batch": "all pixels at once, as there up to 65,536",
            },
            width=256,
            n_layers=3,
            epochs=2000,
            lr=5e-3,
            lr_min=5e-4,
            settings=DenoiseSettings(**RANGE, max_pixels=65_536, photons=30.0, readout=2.0),
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
        """Return a point a pixel."""
        height, width, channels = self.fitted_shape(signal, protocol)
        return ProblemSize(2, channels, height * width)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Draw the noise."""
        from inrbench.problems import denoising_problem

        return denoising_problem(self.image(signal, protocol), protocol, data_seed)


@register_task("super-resolution")
class SuperResolution(Restoration):
    """An image from a coarser one."""

    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": protocol(
            "paper",
            WHOLE,
            {
                "width, n_layers, epochs, schedule, coordinates": "wire_SISR.py: 256, 2 hidden to hidden, 2,000, to a fifth",
                "lr": "1e-3, which its comment names for SIREN and Gauss; as shipped, for WIRE, it is 1e-2",
                "scale": "wire_SISR.py: 4, means of blocks",
                "max_pixels": "ours; the script reduces its one image three times in each direction",
                "batch": "all pixels at once, as there",
            },
            width=256,
            n_layers=3,
            epochs=2000,
            lr=1e-3,
            lr_min=2e-4,
            settings=SuperResolutionSettings(**RANGE, max_pixels=65_536, scale=4),
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
        """Return a point a block, at each of whose pixels the network is evaluated."""
        scale = protocol.settings_as(SuperResolutionSettings).scale
        height, width, channels = self.fitted_shape(signal, protocol)
        return ProblemSize(2, channels, (height // scale) * (width // scale), evals_per_point=scale**2)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Make the image coarser. Nothing is drawn at random."""
        from inrbench.problems import super_resolution_problem

        return super_resolution_problem(self.image(signal, protocol), protocol)


@register_task("inpainting")
class Inpainting(Restoration):
    """An image from some of its pixels."""

    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": protocol(
            "paper",
            (PSNR_UNOBSERVED.id, *WHOLE),
            {
                "width, n_layers, epochs, batch, lr, schedule": "train_inpainting.ipynb: 256, 3 hidden to hidden, 501, 8,192, "
                "1.5e-4 to a quarter",
                "share": "train_inpainting.ipynb: 0.2",
                "max_pixels": "ours; the notebook fits one image of 572x582",
                "coordinate_range": "[-1, 1], ours: the notebook does not show it",
                "metrics": "ours first, pixels that were not given; the notebook reports all pixels",
            },
            width=256,
            n_layers=4,
            epochs=501,
            batch=8192,
            lr=1.5e-4,
            lr_min=3.75e-5,
            settings=InpaintingSettings(**RANGE, max_pixels=262_144, share=0.2),
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
        """Return a point a given pixel."""
        height, width, channels = self.fitted_shape(signal, protocol)
        return ProblemSize(2, channels, int(height * width * protocol.settings_as(InpaintingSettings).share))

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Draw the pixels that are given."""
        from inrbench.problems import inpainting_problem

        return inpainting_problem(self.image(signal, protocol), protocol, data_seed)
