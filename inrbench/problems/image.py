"""Images: a network from pixel coordinates to colour, evaluated at the fitted pixels and, if defined, between them."""

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from inrbench.data import area_mean, reduction_factor, write_image
from inrbench.errors import BadValue
from inrbench.metrics.error import mean_squared_error
from inrbench.metrics.image import SSIM_WINDOW
from inrbench.problems.base import Evaluation, Predict
from inrbench.problems.outputs import Outputs
from inrbench.problems.regression import Regression
from inrbench.problems.value_range import as_targets, in_unit_range
from inrbench.settings import ImageSettings
from inrbench.spec import Protocol

Image = NDArray[np.float32]
ALL_FITTED = "the protocol fits every pixel, so there are none between them"


def image_problem(image: Image, protocol: Protocol) -> Regression:
    """Return the regression of an image ``(H, W, C)`` in [0, 1] on its pixels, with the protocol's settings.

    ``max_pixels``: the image is reduced by the smallest even factor that leaves at most this many pixels. Each fitted pixel is
    the mean of a block; rows and columns that do not fill a block are cut off. None fits the image as it is. For a reduced
    image, the image reduced by half that factor is used to measure the error *between* the fitted pixels.
    ``coordinate_range``: coordinates of the first and the last pixel centre, the same for both axes.

    Raises BadValue for an image that is too small to be evaluated.
    """
    settings = protocol.settings_as(ImageSettings)
    factor = reduction_factor(image.shape[:2], settings.max_pixels)
    fitted = area_mean(image, factor)
    height, width, channels = fitted.shape
    if min(height, width) < SSIM_WINDOW:
        raise BadValue(f"an image of {width}x{height} pixels is too small: SSIM needs {SSIM_WINDOW} in each direction")
    low, high = settings.span
    rows, columns = np.arange(height), np.arange(width)
    coordinates = pixel_coordinates(rows, columns, (height, width), low, high)
    offgrid = area_mean(image, factor // 2)[: 2 * height, : 2 * width] if factor > 1 else None
    evaluation = ImageEvaluation(fitted, offgrid, (low, high), coordinates)
    return image_regression(coordinates, fitted.reshape(-1, channels), protocol, evaluation, contrast_note(fitted))


LITTLE_CONTRAST = 0.5


def contrast_note(image: Image) -> tuple[str, ...]:
    """Return a note on an image whose values cover little of [0, 1], since PSNR uses 1 as the peak."""
    low, high = float(image.min()), float(image.max())
    if not 0 < high - low < LITTLE_CONTRAST:
        return ()
    constant = -10 * math.log10(float(image.astype(np.float64).var(axis=(0, 1)).mean()))
    off = -20 * math.log10(high - low)
    return (
        f"values fill {low:.3g} to {high:.3g} of [0, 1], and PSNR takes 1 for the peak: a constant has {constant:.1f} dB; with "
        f"the image's own range as the peak, every PSNR is {off:.1f} dB lower",
    )


def image_regression(
    coordinates: torch.Tensor, values: Image, protocol: Protocol, evaluation: Evaluation, notes: tuple[str, ...] = ()
) -> Regression:
    """Return the regression of pixel values at coordinates, with a protocol's image settings.

    Args:
        coordinates: Coordinates ``(N, 2)``, x before y.
        values: Pixel values ``(N, C)`` in [0, 1].
        protocol: Protocol with ImageSettings.
        evaluation: Evaluation that expects values in [0, 1].
        notes: Remarks on the signal for readers of the results.
    """
    settings = protocol.settings_as(ImageSettings)
    targets = torch.from_numpy(as_targets(values, settings.value_range)).float()
    evaluated = in_unit_range(evaluation, settings.value_range)
    problem = Regression(coordinates, targets, protocol.batch, evaluated, domain=(settings.span,) * 2)
    problem.notes = notes
    return problem


def pixel_coordinates(
    rows: NDArray[np.generic], columns: NDArray[np.generic], shape: tuple[int, int], low: float, high: float
) -> torch.Tensor:
    """Return the coordinates ``(len(rows) * len(columns), 2)``, x before y, of pixel positions in an image.

    Args:
        rows: Row positions. They may be fractional, and outside the image.
        columns: Column positions. They may be fractional, and outside the image.
        shape: Height H and width W of the image.
        low: Coordinate of row 0 and of column 0.
        high: Coordinate of row H - 1 and of column W - 1.
    """
    y, x = (low + (high - low) * p.astype(np.float64) / (n - 1) for p, n in zip((rows, columns), shape, strict=True))
    grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
    return torch.from_numpy(np.stack((grid_x.ravel(), grid_y.ravel()), axis=1)).float()


class ImageEvaluation:
    """Evaluation of a reconstructed image against the original.

    Args:
        fitted: The original at the fitted resolution, ``(H, W, C)`` in [0, 1].
        offgrid: The original at twice that resolution; None if every pixel is fitted. Fitted pixel i is the mean of its pixels
            2i and 2i + 1, so none of its pixel centres is fitted.
        span: Coordinates of the first and the last pixel centre of an axis.
        coordinates: Coordinates of the fitted pixels, ``(H W, 2)``.
    """

    def __init__(self, fitted: Image, offgrid: Image | None, span: tuple[float, float], coordinates: torch.Tensor) -> None:
        self.fitted, self.offgrid, self.span, self.coordinates = fitted, offgrid, span, coordinates

    def outputs(self, predict: Predict) -> Outputs:
        """Return the reconstruction at the fitted resolution and at twice that resolution, with the originals."""
        functions = {
            "prediction": lambda _: self.render(predict),
            "truth": lambda _: self.fitted,
            "fitted_mse": lambda outputs: mean_squared_error(outputs["prediction"], self.fitted),
            "offgrid_prediction": lambda _: self.at_scale(predict, 2),
            "offgrid_truth": lambda _: self.offgrid,
        }
        missing = {} if self.offgrid is not None else dict.fromkeys(("offgrid_prediction", "offgrid_truth"), ALL_FITTED)
        return Outputs(functions, missing)

    def grid_pair(self, predict: Predict) -> tuple[Image, Image]:
        """Return the image and its reconstruction."""
        return self.fitted, self.render(predict)

    scaled_suffix = ".png"

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write ``reconstruction.png`` and ``truth.png``."""
        write_image(folder / "reconstruction.png", self.render(predict))
        write_image(folder / "truth.png", self.fitted)

    def save_scaled(self, predict: Predict, scale: int, path: Path) -> None:
        """Write the image with ``scale`` x ``scale`` pixels in place of each fitted pixel.

        Args:
            predict: Function from coordinates to values.
            scale: Factor of the resolution.
            path: File to write.
        """
        write_image(path, self.at_scale(predict, scale))

    def at_scale(self, predict: Predict, scale: int) -> Image:
        """Return the reconstruction ``(scale H, scale W, C)``.

        Pixel j of an axis is at position (j + 1/2) / scale - 1/2 of the fitted pixels, so the outermost pixels are outside the
        outermost fitted centres.
        """
        height, width, channels = self.fitted.shape
        rows, columns = ((np.arange(scale * size) + 0.5) / scale - 0.5 for size in (height, width))
        coordinates = pixel_coordinates(rows, columns, (height, width), *self.span)
        image: Image = predict(coordinates).numpy().reshape(scale * height, scale * width, channels)
        return image

    def render(self, predict: Predict) -> Image:
        """Return the reconstruction at the fitted resolution, ``(H, W, C)``."""
        image: Image = predict(self.coordinates).numpy().reshape(self.fitted.shape)
        return image
