"""Computed tomography: an image is reconstructed from its projections along a few directions."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from inrbench.data import area_mean, reduction_factor, write_image
from inrbench.errors import BadValue
from inrbench.problems.base import Batch, Predict, Problem, with_penalty
from inrbench.problems.image import Image, ImageEvaluation, pixel_coordinates
from inrbench.problems.outputs import Outputs
from inrbench.settings import TomographySettings
from inrbench.spec import Protocol


class ParallelBeam:
    """Projections of a square image: ``(n, n)`` -> ``(n_angles, n)``. The image is rotated, and its columns are summed.

    Directions are evenly spaced over half a turn, without the end. Interpolation is bilinear, and the rotation is about pixel
    n // 2, as in scikit-image's ``radon``. That function is the reference in the tests; this one is differentiable.
    """

    def __init__(self, n: int, n_angles: int) -> None:
        angles = np.arange(n_angles) * np.pi / n_angles
        cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
        centre = n // 2
        y, x = np.meshgrid(np.arange(n) - centre, np.arange(n) - centre, indexing="ij")
        columns, rows = cos * x + sin * y + centre, -sin * x + cos * y + centre
        # grid_sample's coordinates go from -1 at the first pixel's centre to 1 at the last pixel's centre
        self.grid = torch.from_numpy(np.stack((columns, rows), axis=-1) * 2 / (n - 1) - 1).float()

    def to(self, device: torch.device) -> None:
        """Move the sampling positions to a device."""
        self.grid = self.grid.to(device)

    def __call__(self, picture: Tensor) -> Tensor:
        """Return the projections of an image ``(n, n)``."""
        copies = picture.expand(len(self.grid), 1, *picture.shape)
        return (
            grid_sample(copies, self.grid.to(copies), mode="bilinear", padding_mode="zeros", align_corners=True)
            .sum(dim=2)
            .squeeze(1)
        )


class TomographyProblem(Problem):
    """Fit the pixel values of an image to its projections. Each step uses all projections.

    Args:
        coordinates: Coordinates of the pixels ``(n n, 2)``.
        inside: Mask ``(n, n)`` of the pixels in the circle that all directions cover, float32 0 and 1.
        sinogram: Projections ``(n_angles, n)`` of the true image.
        beam: Projection operator.
        span: Coordinates of the first and the last pixel centre of an axis.
    """

    in_features, out_features = 2, 1
    indivisible_batch = True

    def __init__(
        self, coordinates: Tensor, inside: Tensor, sinogram: Tensor, beam: ParallelBeam, span: tuple[float, float]
    ) -> None:
        self.domain = (span, span)
        self.coordinates, self.inside, self.sinogram, self.beam = coordinates, inside, sinogram, beam
        self.n_points = self.batch = len(coordinates)

    def as_dtype(self, dtype: torch.dtype) -> None:
        """Convert coordinates and projections to this type."""
        self.coordinates, self.inside = self.coordinates.to(dtype), self.inside.to(dtype)
        self.sinogram = self.sinogram.to(dtype)

    def to(self, device: torch.device) -> None:
        """Move everything that a step needs to a device."""
        self.coordinates, self.inside = self.coordinates.to(device), self.inside.to(device)
        self.sinogram = self.sinogram.to(device)
        self.beam.to(device)

    def batches(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield the only batch: coordinates, and the projections to be fitted."""
        yield self.coordinates, self.sinogram

    def example(self, points: int) -> Batch:
        """Return the batch, which cannot be split."""
        return self.coordinates, self.sinogram

    def loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the mean squared error of the projections, plus the network's penalty.

        The image is set to 0 outside the circle that all directions cover.

        Args:
            network: Network that is fitted.
            chunk: Coordinates and projections.
            weight: Not used.
        """
        coordinates, sinogram = chunk
        picture = network(coordinates).reshape(self.inside.shape) * self.inside
        return with_penalty((self.beam(picture) - sinogram).square().mean(), network)


class TomographyEvaluation(ImageEvaluation):
    """Evaluation of the image, which is not fitted directly, and of its projections, which are.

    Args:
        truth: The true image ``(n, n, 1)`` in [0, 1].
        span: Coordinates of the first and the last pixel centre of an axis.
        coordinates: Coordinates of the pixels ``(n n, 2)``.
        beam: Projection operator.
    """

    def __init__(self, truth: Image, span: tuple[float, float], coordinates: Tensor, beam: ParallelBeam) -> None:
        super().__init__(truth, None, span, coordinates)
        self._beam = beam

    def outputs(self, predict: Predict) -> Outputs:
        """Return the image's outputs and the projections of both images."""
        return (
            super()
            .outputs(predict)
            .extended(
                {
                    "fitted_mse": lambda outputs: float(
                        np.square(outputs["sinogram_prediction"] - outputs["sinogram_truth"]).mean()
                    ),
                    "sinogram_prediction": lambda outputs: self._project(outputs["prediction"]),
                    "sinogram_truth": lambda _: self._project(self.fitted),
                }
            )
        )

    def _project(self, image: Image) -> np.ndarray:
        """Return the projections ``(n_angles, n)`` of an image."""
        projections: np.ndarray = self._beam(torch.from_numpy(image[..., 0]).to(self._beam.grid)).cpu().numpy()
        return projections

    def render(self, predict: Predict) -> Image:
        """Return the reconstructed image, 0 outside the circle that all directions cover."""
        image: Image = super().render(predict) * circle(len(self.fitted))[..., None]
        return image

    def at_scale(self, predict: Predict, scale: int) -> Image:
        """Return the image at ``scale`` times the resolution, also 0 outside the circle."""
        image: Image = super().at_scale(predict, scale) * np.kron(circle(len(self.fitted)), np.ones((scale, scale)))[..., None]
        return image

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write ``reconstruction.png``, ``truth.png`` and the projections as ``given.png``, white at their maximum."""
        super().save_artifacts(predict, folder)
        sinogram = self._project(self.fitted)
        write_image(folder / "given.png", sinogram[..., None] / max(float(sinogram.max()), 1e-12))


def circle(n: int) -> np.ndarray:
    """Return a mask ``(n, n)``, float32 0 and 1, of the pixels in the circle about pixel n // 2 that all directions cover."""
    distance = np.arange(n) - n // 2
    inside: np.ndarray = (distance[:, None] ** 2 + distance**2 <= (n // 2) ** 2).astype(np.float32)
    return inside


def tomography_problem(image: Image, protocol: Protocol) -> TomographyProblem:
    """Return the fit of a grayscale image ``(H, W, 1)`` in [0, 1] to its projections.

    The largest centred square is reduced to at most ``max_pixels`` pixels. Pixels outside the inscribed circle are set to 0.
    ``angles``: number of directions.

    Raises BadValue for a protocol with a batch, for more directions than pixels, or for an image that is too small.
    """
    settings = protocol.settings_as(TomographySettings)
    if protocol.batch is not None:
        raise BadValue("batch must be none: a tomography step uses all projections")
    low, high = settings.span
    side = min(image.shape[:2])
    top, left = ((size - side) // 2 for size in image.shape[:2])
    square = image[top : top + side, left : left + side]
    truth = area_mean(square, reduction_factor((side, side), settings.max_pixels, step=1))
    n = len(truth)
    if n < 8:
        raise BadValue(f"an image of {n}x{n} pixels is too small for projections: 8 are needed in each direction")
    if settings.angles > n * n:
        raise BadValue(f"angles: {settings.angles} directions are more than there are pixels, which are {n}x{n}")
    truth = truth * circle(n)[..., None]
    beam = ParallelBeam(n, settings.angles)
    coordinates = pixel_coordinates(np.arange(n), np.arange(n), (n, n), low, high)
    sinogram = beam(torch.from_numpy(truth[..., 0]))
    problem = TomographyProblem(coordinates, torch.from_numpy(circle(n)), sinogram, beam, (low, high))
    problem.evaluation = TomographyEvaluation(truth, (low, high), coordinates, beam)
    return problem
