"""photo: images that come with scikit-image, and your own images.

``paper`` and ``paper-gray`` are the image configs of the official code of Han et al., AAAI 2026, which fit astronaut in colour
and camera in grayscale. ``standard`` and ``quick`` are those of kodak, and need no download. Your own image:
``--signals ./mine.png``, grayscale or RGB, or ``--signals ./cube.npy`` with any number of channels.
"""

from collections.abc import Mapping
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from inrbench import Protocol, Task, register_task
from inrbench.data import file_sha256, fitted_shape, image_shape
from inrbench.errors import DataMissing, unknown_name
from inrbench.metrics.error import MSE_TRAIN
from inrbench.metrics.image import PSNR, SSIM
from inrbench.metrics.lpips import LPIPS
from inrbench.registry import ProblemSize
from inrbench.settings import ImageSettings
from inrbench.tasks.kodak import QUICK, STANDARD, TUNING

if TYPE_CHECKING:
    from inrbench.problems import Problem

BUNDLED = {
    **{name: f"{name}.png" for name in ("astronaut", "camera", "chelsea", "coffee", "brick", "grass", "gravel", "moon", "ihc")},
    "hubble": "hubble_deep_field.jpg",
    "motorcycle": "motorcycle_left.png",
    "retina": "retina.jpg",
    "rocket": "rocket.jpg",
}
"""Name -> file in scikit-image's wheel. Grayscale are camera, brick, grass, gravel and moon (512x512); the others are RGB."""
STANDARD_SIGNALS = ("astronaut", "camera", "chelsea", "hubble", "ihc", "retina")

COLOUR = Protocol(
    name="paper",
    width=256,
    n_layers=4,
    epochs=5000,
    lr=1e-3,
    lr_min=1e-4,
    schedule="cosine",
    metrics=(PSNR.id, SSIM.id, LPIPS.id, MSE_TRAIN.id),
    settings=ImageSettings(coordinate_range=(0.0, 1.0), max_pixels=None),
    sources={
        "all": "official code, configs/imagefitcolor.yaml (commented out there), imagefit.py: full batch, coordinates [0, 1]",
        "metrics": "PSNR and SSIM as in the official code; LPIPS is inrbench's choice",
    },
)
GRAY = Protocol(
    name="paper-gray",
    width=256,
    n_layers=4,
    epochs=5000,
    lr=1e-3,
    lr_min=3e-4,
    schedule="cosine",
    metrics=COLOUR.metrics,
    settings=COLOUR.settings,
    sources={"all": "official code, configs/imagefit.yaml (the active one)", "metrics": COLOUR.sources["metrics"]},
)


@register_task("photo")
class Photo(Task):
    """Photographs from scikit-image, and the user's own images."""

    kind = "image"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": COLOUR,
        "paper-gray": GRAY,
        "standard": STANDARD,
        "quick": QUICK,
    }
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {"quick": ("astronaut", "camera"), "standard": STANDARD_SIGNALS}
    tuning_split: ClassVar[tuple[str, tuple[str, ...]] | None] = ("photo", TUNING)
    file_extensions = (".npy", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".ppm", ".pgm")

    def signals(self) -> tuple[str, ...]:
        """Return the bundled images' names."""
        return tuple(BUNDLED)

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the image file's bytes."""
        return file_sha256(self.path(signal))

    def path(self, signal: str) -> Path:
        """Return the file of a bundled image or of the user's own image. Raises UnknownName or DataMissing."""
        if signal in self.files:
            return self.files[signal]
        if signal not in BUNDLED:
            raise unknown_name("signal of task 'photo'", signal, BUNDLED, "your own image: --signals ./mine.png")
        package = util.find_spec("skimage")
        folder = Path(package.origin).parent / "data" if package and package.origin else Path()
        path = folder / BUNDLED[signal]
        if not path.is_file():
            raise DataMissing(
                f"data missing: scikit-image's wheel has no {path.name}, run: pip install --force-reinstall scikit-image"
            )
        return path

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the size of the image as the protocol fits it, from the file's header."""
        *shape, channels = image_shape(self.path(signal), protocol.settings_as(ImageSettings).page)
        height, width = fitted_shape(shape, protocol.settings_as(ImageSettings).max_pixels)
        return ProblemSize(2, channels, height * width)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load an image. Nothing is drawn at random.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Not used.
        """
        from inrbench.data import read_image
        from inrbench.problems import image_problem

        path = self.path(signal)
        return image_problem(read_image(path, _channels(path), protocol.settings_as(ImageSettings).page), protocol)


def _channels(path: Path) -> tuple[int, ...] | None:
    """Return the numbers of channels that are accepted in a file: any in an array, which may be hyperspectral."""
    return None if path.suffix.lower() == ".npy" else (1, 3)
