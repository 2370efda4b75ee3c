"""ct: a slice reconstructed from its projections along a few directions (sparse-view computed tomography).

    shepp-logan              scikit-image's phantom
    discs, bars, foam        large and small discs, bars of falling width, and sixty bubbles of different sizes
    ellipses-1, -2, -3       phantoms of random ellipses, for tuning
    ct-slice, mr-slice       real slices of 128x128 and 64x64, in pydicom's wheel (pip install 'inrbench[medical]')

Your own grayscale images and DICOM files: ``--signals ./slice.png``. The network's image is projected as by scikit-image's
``radon``, and its projections are fitted to the true ones. The image itself, which is not fitted, is evaluated. ``paper``
follows ``wire_ct.py`` of the authors of WIRE (Saragadam et al. 2023), on these phantoms; ``standard`` is its scale model. The
script reports the iterate that is closest to the truth; inrbench reports the last one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from inrbench import Protocol, Task, register_task
from inrbench.data import DICOM, dataset, file_sha256, fitted_shape, image_shape, read_dicom, require_file
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
BAR_WIDTHS = (0.09, 0.06, 0.035, 0.02)
"""Widths of the bars of each group; the gaps between them are as wide."""


@dataclass(frozen=True)
class Ellipse:
    """An ellipse that adds a value to the picture, in coordinates from -1 to 1.

    Args:
        x: Position of the centre in the horizontal direction.
        y: Position of the centre in the vertical direction.
        a: Half of the first axis.
        b: Half of the second axis.
        turn: Angle of the first axis in radians.
        value: Value that is added.
    """

    x: float
    y: float
    a: float
    b: float
    turn: float
    value: float


BODY = Ellipse(0.0, 0.0, 0.8, 0.9, 0.0, 0.35)


def ellipses(seed: int) -> tuple[Ellipse, ...]:
    """Return a body with fourteen random ellipses, the same for the same seed."""
    draw = np.random.default_rng(seed)
    inside = []
    for _ in range(14):
        x, y = draw.uniform(-0.5, 0.5, 2)
        a, b = np.exp(draw.uniform(np.log(0.03), np.log(0.35), 2))
        inside.append(Ellipse(x, y, a, b, draw.uniform(0, np.pi), draw.choice((-0.25, -0.15, 0.15, 0.3))))
    return BODY, *inside


def foam() -> tuple[Ellipse, ...]:
    """Return a body with sixty round holes of different sizes."""
    draw = np.random.default_rng(60)
    holes = []
    for _ in range(60):
        x, y = draw.uniform(-0.62, 0.62, 2)
        radius = float(np.exp(draw.uniform(np.log(0.02), np.log(0.12))))
        holes.append(Ellipse(x, y, radius, radius, 0.0, -0.6))
    return (Ellipse(0.0, 0.0, 0.88, 0.88, 0.0, 0.8), *holes)


def means_of_points(picture: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a picture ``(4 n, 4 n)`` as ``(n, n, 1)`` in [0, 1], each pixel the mean of 4 x 4 points."""
    side = len(picture) // 4
    means: NDArray[np.float64] = picture.clip(0, 1).reshape(side, 4, side, 4).mean(axis=(1, 3))
    return means.astype(np.float32)[..., None]


def discs(side: int) -> NDArray[np.float32]:
    """Return the phantom of discs ``(side, side, 1)``."""
    axis = (np.arange(4 * side) + 0.5) / (2 * side) - 1
    picture = np.zeros((4 * side, 4 * side))
    for x, y, radius, value in DISCS:
        picture[(axis - x) ** 2 + (axis[:, None] - y) ** 2 <= radius**2] += value
    return means_of_points(picture)


def bars(side: int) -> NDArray[np.float32]:
    """Return a disc ``(side, side, 1)`` with four groups of three bars, each group thinner than the one before."""
    axis = (np.arange(4 * side) + 0.5) / (2 * side) - 1
    picture = np.zeros((4 * side, 4 * side))
    picture[axis**2 + axis[:, None] ** 2 <= 0.9**2] = 0.2
    left = -0.68
    for width in BAR_WIDTHS:
        for _ in range(3):
            picture[(np.abs(axis[:, None]) <= 0.4) & (axis >= left) & (axis < left + width)] += 0.7
            left += 2 * width
        left += 0.06
    return means_of_points(picture)


def drawn(shapes: Sequence[Ellipse], side: int) -> NDArray[np.float32]:
    """Return the sum of ellipses ``(side, side, 1)``."""
    axis = (np.arange(4 * side) + 0.5) / (2 * side) - 1
    picture = np.zeros((4 * side, 4 * side))
    for shape in shapes:
        x, y = axis - shape.x, (axis - shape.y)[:, None]
        cos, sin = np.cos(shape.turn), np.sin(shape.turn)
        picture[((cos * x + sin * y) / shape.a) ** 2 + ((cos * y - sin * x) / shape.b) ** 2 <= 1] += shape.value
    return means_of_points(picture)


SHAPES = {"foam": foam(), "ellipses-1": ellipses(1), "ellipses-2": ellipses(2), "ellipses-3": ellipses(3)}
"""Phantoms that consist of ellipses."""
MADE: Mapping[str, Callable[[int], NDArray[np.float32]]] = {
    "discs": discs,
    "bars": bars,
    **{name: partial(drawn, shapes) for name, shapes in SHAPES.items()},
}
"""Phantoms that need no file."""
SLICES = {"ct-slice": ("CT_small.dcm", 128), "mr-slice": ("MR_small.dcm", 64)}
"""Name -> file of the data set ``medical``, and its number of rows and columns."""


@register_task("ct")
class ComputedTomography(Task):
    """Computed tomography of slices."""

    kind = "ct"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    file_extensions = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", DICOM)
    tuning_split = ("ct", ("ellipses-1", "ellipses-2", "ellipses-3"))
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "standard": ("shepp-logan", "discs", "bars", "foam", "ct-slice", "mr-slice")
    }
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
        "standard": Protocol(
            name="standard",
            width=75,
            n_layers=3,
            epochs=5000,
            lr=2e-3,
            lr_min=2e-4,
            schedule="exponential",
            metrics=(PSNR.id, SSIM.id, MSE_SINOGRAM.id),
            settings=TomographySettings(coordinate_range=(-1.0, 1.0), max_pixels=4_096, angles=25),
            sources={
                "n_layers, epochs, schedule, coordinates, noise": "the protocol 'paper'",
                "lr": "2e-3: what a comment in wire_ct.py gives for SIREN and Gauss",
                "max_pixels, angles": "a quarter of 'paper' in each: at most 64x64 pixels, 25 directions of 64 rays",
                "width": "11,701 parameters for 1,425 to 1,600 projected values, 7.3 to 8.2 per value; 'paper' has 7.1",
                "budget": "5,000 steps x 4,096 points: about half a minute of one core per run",
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
        """Return the names of the phantoms and slices."""
        return ("shepp-logan", *MADE, *SLICES)

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the image file's bytes, or of the definition of a phantom."""
        if signal in self.files or signal not in (*MADE, *SLICES):
            return file_sha256(self.path(signal))
        if signal in SLICES:
            return dataset("medical").sha256[SLICES[signal][0]]
        if signal == "discs":
            return digest([SIDE, [[round(number, 9) for number in disc] for disc in DISCS]])
        if signal == "bars":
            return digest([SIDE, list(BAR_WIDTHS)])
        return digest([SIDE, [[round(float(number), 9) for number in astuple(shape)] for shape in SHAPES[signal]]])

    def path(self, signal: str) -> Path:
        """Return the file of a slice, of scikit-image's phantom, or of the user's own image.

        Raises UnknownName, DataMissing or DataCorrupt.
        """
        if signal in self.files:
            return self.files[signal]
        if signal in SLICES:
            return require_file("medical", SLICES[signal][0])
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
        settings = protocol.settings_as(TomographySettings)
        if signal in self.files or signal == "shepp-logan":
            path = self.path(signal)
            shape = read_dicom(path).shape if path.suffix.lower() == DICOM else image_shape(path, settings.page)
            side = min(shape[:2])
        else:
            side = SLICES[signal][1] if signal in SLICES else SIDE
        n, _ = fitted_shape((side, side), settings.max_pixels, step=1)
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

        if signal in MADE and signal not in self.files:
            return tomography_problem(MADE[signal](SIDE), protocol)
        path = self.path(signal)
        if path.suffix.lower() == DICOM:
            return tomography_problem(read_dicom(path), protocol)
        if signal in self.files:
            return tomography_problem(read_image(path, (1,), protocol.settings_as(TomographySettings).page), protocol)
        return tomography_problem(read_image(path)[..., :1], protocol)  # the phantom file is RGB, with three equal channels
