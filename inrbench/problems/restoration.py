"""Image restoration: a network is fitted to an observation of an image, and evaluated against the image itself.

The observation is noisy, coarse or incomplete, so a closer fit to it is not a gain in itself. All metrics except ``mse@train``
are therefore computed against the image and not against the fitted data.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from inrbench.data import area_mean, reduction_factor, write_image
from inrbench.errors import BadValue
from inrbench.metrics.error import mean_squared_error
from inrbench.metrics.image import SSIM_WINDOW
from inrbench.problems.base import Batch, Predict, with_penalty
from inrbench.problems.image import Image, ImageEvaluation, image_regression, pixel_coordinates
from inrbench.problems.outputs import Function, Outputs
from inrbench.problems.regression import Regression
from inrbench.problems.value_range import as_targets, in_unit_range
from inrbench.settings import DenoiseSettings, ImageSettings, InpaintingSettings, SuperResolutionSettings
from inrbench.spec import Protocol


class MeanRegression(Regression):
    """Fit means of the network: each of the values ``(N, c)`` is the mean over its own k points of ``(N, k, d)``.

    Args:
        observation: The fitted data, with coordinates ``(N, k, d)``.
        protocol: Protocol with ImageSettings.
        evaluation: Evaluation of the restored image.
    """

    def __init__(self, observation: "Observation", protocol: Protocol, evaluation: "RestorationEvaluation") -> None:
        settings = protocol.settings_as(ImageSettings)
        targets = as_targets(observation.values, settings.value_range)
        evaluated = in_unit_range(evaluation, settings.value_range)
        super().__init__(observation.coordinates[:, 0], targets, protocol.batch, evaluated, domain=(settings.span,) * 2)
        self.coordinates, self.evals_per_point = observation.coordinates, observation.coordinates.shape[1]

    def loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the chunk's share of the mean squared error of the means, and of the network's penalty.

        Args:
            network: Network that is fitted.
            chunk: Coordinates and values of a part of a batch.
            weight: One over the number of points in the whole batch.
        """
        coordinates, values = chunk
        error = (_means(network, coordinates) - values).square().sum() * (weight / self.out_features)
        return with_penalty(error, network, weight * len(coordinates))

    def point_losses(self, network: nn.Module, chunk: Batch) -> Tensor:
        """Return the squared error of each mean ``(N,)``, averaged over its channels.

        Args:
            network: Network that is fitted.
            chunk: Coordinates and values.
        """
        coordinates, values = chunk
        return (_means(network, coordinates) - values).square().mean(dim=1)


def _means(network: nn.Module, coordinates: Tensor) -> Tensor:
    """Return the mean of the network ``(N, c)`` over the k points of each of ``(N, k, d)``."""
    return network(coordinates.flatten(0, 1)).unflatten(0, coordinates.shape[:2]).mean(dim=1)


@dataclass(frozen=True)
class Observation:
    """The fitted data of an inverse problem.

    Args:
        coordinates: Points ``(N, d)``; or ``(N, k, d)`` if each value is the mean over k points.
        values: Values ``(N, C)``.
        picture: The observation as an image, for people to view.
    """

    coordinates: Tensor
    values: Tensor
    picture: Image

    def error(self, predict: Predict) -> float:
        """Return the mean squared error on the observation."""
        *lead, d = self.coordinates.shape
        found = predict(self.coordinates.reshape(-1, d)).reshape(*lead, -1)
        means = found.mean(dim=1) if len(lead) == 2 else found
        return mean_squared_error(means.numpy(), self.values.numpy())


class RestorationEvaluation(ImageEvaluation):
    """Evaluation of a restored image against the original, with its error on the observation.

    Args:
        truth: The original, ``(H, W, C)`` in [0, 1].
        span: Coordinates of the first and the last pixel centre of an axis.
        coordinates: Coordinates of the original's pixels, ``(H W, 2)``.
        observation: The fitted data.
        unobserved: Mask ``(H, W)`` of the unobserved pixels; None if there are none.
    """

    def __init__(
        self,
        truth: Image,
        span: tuple[float, float],
        coordinates: Tensor,
        observation: Observation,
        unobserved: np.ndarray | None = None,
    ) -> None:
        super().__init__(truth, None, span, coordinates)
        self.observation, self.unobserved = observation, unobserved

    def outputs(self, predict: Predict) -> Outputs:
        """Return the image's outputs, the error on the observation and, if there are any, the unobserved pixels."""
        functions: dict[str, Function] = {"fitted_mse": lambda _: self.observation.error(predict)}
        unobserved = self.unobserved
        if unobserved is not None:
            functions["unobserved_prediction"] = lambda outputs: outputs["prediction"][unobserved]
            functions["unobserved_truth"] = lambda _: self.fitted[unobserved]
        return super().outputs(predict).extended(functions)

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write ``reconstruction.png``, ``truth.png`` and the observation as ``given.png``."""
        super().save_artifacts(predict, folder)
        write_image(folder / "given.png", self.observation.picture)


def denoising_problem(image: Image, protocol: Protocol, data_seed: int) -> Regression:
    """Return the regression of an image with photon and readout noise.

    ``photons``: mean count of a pixel of value 1. ``readout``: standard deviation of the readout noise, in counts. The noisy
    values are not clipped.

    Args:
        image: Image ``(H, W, C)`` in [0, 1].
        protocol: Protocol with DenoiseSettings.
        data_seed: Seed of the noise.
    """
    settings = protocol.settings_as(DenoiseSettings)
    photons, readout = settings.photons, settings.readout
    truth, span, coordinates = _truth(image, protocol)
    random = np.random.default_rng(data_seed)
    counts = random.poisson(truth.astype(np.float64) * photons) + readout * random.standard_normal(truth.shape)
    noisy = (counts / photons).astype(np.float32)
    observation = Observation(coordinates, torch.from_numpy(noisy.reshape(-1, truth.shape[2])), noisy)
    evaluation = RestorationEvaluation(truth, span, coordinates, observation)
    return image_regression(coordinates, observation.values.numpy(), protocol, evaluation)


def inpainting_problem(image: Image, protocol: Protocol, data_seed: int) -> Regression:
    """Return the regression of a random share of an image's pixels. The other pixels are used for the evaluation.

    ``share``: observed share of the pixels, between 0 and 1.

    Args:
        image: Image ``(H, W, C)`` in [0, 1].
        protocol: Protocol with InpaintingSettings.
        data_seed: Seed of the choice of pixels.

    Raises:
        BadValue: No pixel would be observed, or all pixels would be.
    """
    share = protocol.settings_as(InpaintingSettings).share
    truth, span, coordinates = _truth(image, protocol)
    height, width, channels = truth.shape
    n_observed = int(height * width * share)
    if not 0 < n_observed < height * width:
        raise BadValue(f"share must be between 0 and 1, so that some pixels are given and some are not, got {share}")
    rows = np.sort(np.random.default_rng(data_seed).choice(height * width, n_observed, replace=False))
    unobserved = np.ones(height * width, dtype=bool)
    unobserved[rows] = False
    unobserved = unobserved.reshape(height, width)
    picture = np.where(unobserved[..., None], np.float32(0), truth)
    observation = Observation(coordinates[rows], torch.from_numpy(truth.reshape(-1, channels)[rows]), picture)
    evaluation = RestorationEvaluation(truth, span, coordinates, observation, unobserved)
    return image_regression(observation.coordinates, observation.values.numpy(), protocol, evaluation)


def super_resolution_problem(image: Image, protocol: Protocol) -> MeanRegression:
    """Return the regression of an image from one that is ``scale`` times coarser.

    The block means of the network are fitted to the coarse image. Rows and columns that do not fill a block are cut off.
    """
    scale = protocol.settings_as(SuperResolutionSettings).scale
    truth, span, coordinates = _truth(image, protocol, scale)
    height, width, channels = truth.shape
    coarse = area_mean(truth, scale)
    blocks = coordinates.reshape(height // scale, scale, width // scale, scale, 2).transpose(1, 2).reshape(-1, scale**2, 2)
    observation = Observation(blocks.contiguous(), torch.from_numpy(coarse.reshape(-1, channels)), coarse)
    evaluation = RestorationEvaluation(truth, span, coordinates, observation)
    return MeanRegression(observation, protocol, evaluation)


def _truth(image: Image, protocol: Protocol, multiple: int = 1) -> tuple[Image, tuple[float, float], Tensor]:
    """Return the image to be recovered, the range of coordinates, and the coordinates of its pixels ``(H W, 2)``."""
    settings = protocol.settings_as(ImageSettings)
    truth = area_mean(image, reduction_factor(image.shape[:2], settings.max_pixels, step=1))
    height, width = (size // multiple * multiple for size in truth.shape[:2])
    truth = np.ascontiguousarray(truth[:height, :width])
    if min(height, width) < max(SSIM_WINDOW, 2 * multiple):
        raise BadValue(f"an image of {width}x{height} pixels is too small to be restored")
    low, high = settings.span
    return truth, (low, high), pixel_coordinates(np.arange(height), np.arange(width), (height, width), low, high)
