"""kodak: the 24 images of the Kodak lossless true colour suite, 768x512 or 512x768 pixels.

Figure 3 of Han et al., "Implicit Neural Representation with Multi-Scale Sine Activation", AAAI 2026. The paper gives the
network, the optimiser and the number of epochs. Its official code fits other images and gives the remaining settings
(coordinates, value range, full batch, clipping). LPIPS is in the paper but not in the code.

``standard`` is a scale model of the paper's experiment: depth, number of full-batch steps, schedule, and the ratio of
parameters to fitted values are the paper's; images are reduced by a factor of 4 in each direction. ``standard`` and ``quick``
also evaluate *between* the fitted pixels: at twice their resolution, where the original gives the truth.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from inrbench import Protocol, Task, register_task
from inrbench.data import dataset, fitted_shape
from inrbench.errors import unknown_name
from inrbench.metrics.error import MSE_TRAIN
from inrbench.metrics.image import PSNR, PSNR_OFFGRID, SSIM
from inrbench.metrics.lpips import LPIPS
from inrbench.registry import ProblemSize
from inrbench.settings import ImageSettings

if TYPE_CHECKING:
    from inrbench.problems import Problem

SIGNALS = tuple(file.removesuffix(".png") for file in dataset("kodak").sha256)
TUNING = ("coffee", "motorcycle", "rocket")
"""Photographs of the task photo for tuning, RGB, which no protocol ``standard`` evaluates."""
SHAPE = (512, 768)
"""Rows and columns. Six of the images are in portrait orientation, with the same number of pixels."""

PAPER = Protocol(
    name="paper",
    width=400,
    n_layers=4,
    epochs=1500,
    lr=1e-3,
    lr_min=5e-4,
    schedule="cosine",
    metrics=(PSNR.id, SSIM.id, LPIPS.id, MSE_TRAIN.id),
    settings=ImageSettings(coordinate_range=(0.0, 1.0), max_pixels=None),
    sources={
        "width, n_layers, lr, lr_min, epochs": "paper, section on image fitting "
        "(official colour config: width 256, 5,000 epochs, lr down to 1e-4)",
        "schedule": "cosine, official configs",
        "batch": "full batch of 393,216 pixels, official code; not stated in the paper",
        "coordinate_range": "[0, 1] on both axes, official code; not stated in the paper. SIREN, WIRE, FINER and STAF use "
        "[-1, 1] in their own code, so their frequencies are halved here",
        "value_range": "[0, 1], official code",
        "metrics": "PSNR, SSIM, LPIPS (AlexNet): paper. Clipping, float PSNR, SSIM window 7: official code",
    },
)
STANDARD = replace(
    PAPER,
    name="standard",
    width=100,
    metrics=(PSNR.id, SSIM.id, LPIPS.id, PSNR_OFFGRID.id, MSE_TRAIN.id),
    settings=ImageSettings(coordinate_range=(0.0, 1.0), max_pixels=25_000),
    sources={
        "epochs, lr, lr_min, schedule, batch, n_layers": "the protocol 'paper': 1,500 steps on all pixels",
        "max_pixels": "Kodak images reduced by 4 in each direction: 24,576 pixels, 73,728 values",
        "width": "30,903 parameters for 73,728 values, 0.42 per value; 'paper' has 483,603 for 1,179,648, 0.41 per value",
        "budget": "1,500 steps x 24,576 points: 1 to 2.5 minutes of one core per run (270,000 to 670,000 points per second)",
        "metrics": "those of 'paper', and the PSNR between the fitted pixels",
    },
)
QUICK = replace(
    PAPER,
    name="quick",
    width=64,
    epochs=100,
    batch=2048,
    metrics=STANDARD.metrics,
    settings=STANDARD.settings,
    sources={
        "all": "inrbench's choice: takes seconds on a laptop CPU, otherwise like the protocol 'paper'. "
        "It does not reproduce any paper"
    },
)


@register_task("kodak")
class Kodak(Task):
    """The Kodak images."""

    kind = "image"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    protocols: ClassVar[Mapping[str, Protocol]] = {"paper": PAPER, "standard": STANDARD, "quick": QUICK}
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {"paper": SIGNALS, "standard": SIGNALS}
    tuning_split = ("photo", TUNING)

    def signals(self) -> tuple[str, ...]:
        """Return the names kodim01 to kodim24."""
        return SIGNALS

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the image file, as listed in the data catalogue."""
        if signal not in SIGNALS:
            raise unknown_name("signal of task 'kodak'", signal, SIGNALS, "your own image: --tasks photo --signals ./mine.png")
        return dataset("kodak").sha256[f"{signal}.png"]

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the size of the image as the protocol fits it."""
        height, width = fitted_shape(SHAPE, protocol.settings_as(ImageSettings).max_pixels)
        return ProblemSize(2, 3, height * width)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load an image. Nothing is drawn at random.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Not used.
        """
        from inrbench.data import read_image, require_file
        from inrbench.problems import image_problem

        return image_problem(read_image(require_file("kodak", f"{signal}.png"), channels=(3,)), protocol)
