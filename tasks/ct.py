"""ct: a slice reconstructed from its projections along a few directions (sparse-view computed tomography).

Signals are the Shepp-Logan phantom, a phantom of discs, and your own grayscale images (``--signals ./slice.png``). The
network's image is projected as by scikit-image's ``radon``, and its projections are fitted to the true ones. The image itself,
which is not fitted, is evaluated. ``paper`` follows ``wire_ct.py`` of the authors of WIRE (Saragadam et al. 2023), on these
phantoms. The script reports the iterate that is closest to the truth; inrbench reports the last one.
"""

from collections.abc import Mapping
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from inrbench import Protocol, Task, register_task
from inrbench.data import file_sha256, fitted_shape, image_shape
from inrbench.errors import DataMissing, unknown_name
from inrbench.metrics.error import MSE_SINOGRAM
from inrbench.metrics.image import PSNR, SSIM
from inrbench.registry import ProblemSize
from inrbench.settings import TomographySettings
from inrbench.spec import digest

if TYPE_CHECKING:
    from inrbench.problems import Problem

SIDE = 400
"""Pixels of a phantom in each direction, as in scikit-image's phantom."""
DISCS = (
    (0.0, 0.0, 0.85, 0.3),
    (-0.35, -0.25, 0.3, 0.4),
    (0.35, -0.3, 0.22, -0.2),
    (0.1, 0.4, 0.28, 0.25),
    (0.1, 0.4, 0.1, 0.35),
    *((-0.6 + 0.1 * i, 0.15 + 0.05 * i, 0.01 + 0.006 * i, 0.5) for i in range(6)),
)
"""Centre x, centre y, radius and added value of each disc: large ones, one inside another, and a row of small ones."""


def discs(side: int) -> NDArray[np.float32]:
    """Return the phantom of discs ``(side, side, 1)``, each pixel the mean of 4 x 4 points."""
    axis = (np.arange(4 * side) + 0.5) / (2 * side) - 1
    picture = np.zeros((4 * side, 4 * side))
    for x, y, radius, value in DISCS:
        picture[(axis - x) ** 2 + (axis[:, None] - y) ** 2 <= radius**2] += value
    means: NDArray[np.float64] = picture.clip(0, 1).reshape(side, 4, side, 4).mean(axis=(1, 3))
    return means.astype(np.float32)[..., None]


@register_task("ct")
class ComputedTomography(Task):
    """Computed tomography of slices."""

    kind = "ct"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    file_extensions = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": Protocol(
            name="paper",
            width=300,
            n_layers=3,
            epochs=5000,
            lr=5e-3,
            lr_min=5e-4,
            schedule="exponential",
            metrics=(PSNR.id, SSIM.id, MSE_SINOGRAM.id),
            settings=TomographySettings(coordinate_range=(-1.0, 1.0), max_pixels=65_536, angles=100),
            sources={
                "width, n_layers, epochs, schedule, coordinates": "wire_ct.py: width 300, 2 hidden-to-hidden layers, "
                "5,000 epochs, lr decays to a tenth",
                "lr": "wire_ct.py as published, for wire2d; a comment there gives 1e-3 to 2e-3 for SIREN and Gauss",
                "angles": "wire_ct.py: 100 from 0 to 180 degrees; 0 and 180 are the same direction, so 180 is left out here",
                "max_pixels": "inrbench's choice, 256x256; the size of the script's chest image is not stated",
                "noise": "none, as in the script",
            },
        ),
        "quick": Protocol(
            name="quick",
            width=64,
            n_layers=3,
            epochs=300,
            lr=2e-3,
            lr_min=2e-4,
            schedule="exponential",
            metrics=(PSNR.id, SSIM.id, MSE_SINOGRAM.id),
            settings=TomographySettings(coordinate_range=(-1.0, 1.0), max_pixels=4_500, angles=24),
            sources={"all": "inrbench's choice: takes seconds on a laptop CPU. It does not reproduce any paper"},
        ),
    }

    def signals(self) -> tuple[str, ...]:
        """Return the phantoms' names."""
        return ("shepp-logan", "discs")

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the image file's bytes, or of the definition of the discs."""
        if signal == "discs" and signal not in self.files:
            return digest([SIDE, [[round(number, 9) for number in disc] for disc in DISCS]])
        return file_sha256(self.path(signal))

    def path(self, signal: str) -> Path:
        """Return the file of scikit-image's phantom or of the user's own image. Raises UnknownName or DataMissing."""
        if signal in self.files:
            return self.files[signal]
        if signal not in self.signals():
            raise unknown_name("signal of task 'ct'", signal, self.signals(), "your own slice: --signals ./slice.png")
        package = util.find_spec("skimage")
        path = Path(package.origin).parent / "data" / "phantom.png" if package and package.origin else Path()
        if not path.is_file():
            raise DataMissing(
                f"data missing: scikit-image's wheel has no {path.name}, run: pip install --force-reinstall scikit-image"
            )
        return path

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the problem size: one point per pixel of the reconstructed square."""
        made = signal == "discs" and signal not in self.files
        page = protocol.settings_as(TomographySettings).page
        side = SIDE if made else min(image_shape(self.path(signal), page)[:2])
        n, _ = fitted_shape((side, side), protocol.settings_as(TomographySettings).max_pixels, step=1)
        return ProblemSize(2, 1, n * n)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load a slice and project it. Nothing is drawn at random.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Not used.
        """
        from inrbench.data import read_image
        from inrbench.problems import tomography_problem

        if signal in self.files:
            return tomography_problem(
                read_image(self.path(signal), (1,), protocol.settings_as(TomographySettings).page), protocol
            )
        # scikit-image's phantom file is RGB, with three equal channels
        phantom = discs(SIDE) if signal == "discs" else read_image(self.path(signal))[..., :1]
        return tomography_problem(phantom, protocol)
