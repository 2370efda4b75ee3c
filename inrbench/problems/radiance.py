"""Radiance fields: a network from position to density and colour, fitted to photographs by volume rendering.

The network's first output gives the density, and the others the coefficients of spherical harmonics of the viewing direction,
as in PlenOctrees (Yu et al. 2021), so that colours may depend on the direction without a second network:

    density = 10 softplus(10 (y_0 - 0.3)),   colour_c = sigmoid(4 sum_k y_ck Y_k(direction))

A pixel's colour is the sum over the samples of its ray of transmittance x opacity x colour, and what is left is white
(Mildenhall et al. 2020, eq. 3). In training the samples are stratified: one at a random place of each of equal parts of a ray.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

from inrbench.data import write_image
from inrbench.data.cameras import Scene, View
from inrbench.errors import NotApplicable
from inrbench.metrics.views import ViewPairs
from inrbench.nn import LinearModel, is_solver
from inrbench.problems.base import Batch, Predict, with_penalty
from inrbench.problems.drawn import DrawnProblem
from inrbench.problems.outputs import Outputs
from inrbench.settings import RadianceSettings
from inrbench.spec import Protocol

HARMONICS = 4
"""Number of spherical harmonics: those of degree 0 and 1."""
OUTPUTS = 1 + 3 * HARMONICS
LARGEST_DENSITY, SHARPNESS, EMPTY = 10.0, 10.0, 0.3
"""Density at an output far above EMPTY, per unit of the output and of length (the scene's radius)."""
CONTRAST = 4.0
RAYS_AT_ONCE = 2048


class RadianceProblem(DrawnProblem):
    """Fit the colours of the pixels of the training views. Rays are drawn anew for every step, and an epoch is one step.

    Args:
        scene: Views to fit and to evaluate.
        protocol: Protocol with RadianceSettings. Its ``batch`` is the number of rays per step.
    """

    in_features, out_features = 3, OUTPUTS
    mean_over_points = True
    domain = ((-1.0, 1.0),) * 3
    evaluation: "RadianceEvaluation"

    def __init__(self, scene: Scene, protocol: Protocol) -> None:
        settings = protocol.settings_as(RadianceSettings)
        super().__init__(protocol, "of radiance needs a batch: the number of rays per step")
        parts = [rays_of(view, scene.radius) for view in scene.training]
        self._rays = torch.cat([rays for rays, _ in parts])
        self._colours = torch.cat([colours for _, colours in parts])
        self.samples = self.evals_per_point = settings.samples
        self.evaluation = RadianceEvaluation(scene, settings.samples)
        self.notes = scene.notes

    def validate_network(self, network: nn.Module) -> None:
        """Raise NotApplicable for a model that is solved: a pixel is no linear function of the network's outputs."""
        if isinstance(network, LinearModel) or is_solver(network):
            raise NotApplicable("the method is solved and not trained; it cannot be fitted to photographs")

    def batches(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield (sampled points, lengths of their parts, directions, colours) of the single step of an epoch.

        The points are ``(N, samples, 3)``. They are drawn on the CPU.
        """
        rows = torch.randint(len(self._rays), (self.batch,), generator=generator)
        yield self._batch_of(rows, torch.rand(self.batch, self.samples, generator=generator))

    def example(self, points: int) -> Batch:
        """Return the first rays, with samples in the middle of their parts."""
        rows = torch.arange(min(points, self.batch)) % len(self._rays)
        return self._batch_of(rows, torch.full((len(rows), self.samples), 0.5))

    def _batch_of(self, rows: Tensor, jitter: Tensor) -> Batch:
        rays = self._rays[rows]
        points, _, step = sampled(rays, jitter)
        return self._moved((points, step, rays[:, 3:6], self._colours[rows]))

    def loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the chunk's share of the mean squared error of the colours, and of the network's penalty.

        Args:
            network: Network that is fitted.
            chunk: A part of a batch.
            weight: One over the number of rays in the whole batch.
        """
        found, colours = _colours(network, chunk)
        return with_penalty((found - colours).square().sum() * (weight / 3), network, weight * len(colours))

    def point_losses(self, network: nn.Module, chunk: Batch) -> Tensor:
        """Return the squared error of each ray ``(N,)``, averaged over its channels.

        Args:
            network: Network that is fitted.
            chunk: A batch or a part of it.
        """
        found, colours = _colours(network, chunk)
        return (found - colours).square().mean(dim=1)

    def error_share(self, network: nn.Module, predict: Predict) -> float | None:
        """Return the error on the training views as a share of that of their mean colour."""
        views = self.evaluation.scene.training[::4]
        variance = np.concatenate([view.picture.reshape(-1, 3) for view in views]).var(axis=0).mean()
        return float(self.evaluation.outputs(predict)["fitted_mse"] / variance)


def _colours(network: nn.Module, chunk: Batch) -> tuple[Tensor, Tensor]:
    """Return the rendered and the true colours ``(N, 3)`` of a batch."""
    points, step, directions, colours = chunk
    outputs = network(points.flatten(0, 1)).unflatten(0, points.shape[:2])
    return composited(outputs, step, directions)[0], colours


def rays_of(view: View, radius: float) -> tuple[Tensor, Tensor]:
    """Return rays ``(N, 8)`` and colours ``(N, 3)`` of all pixels of a view, in float32.

    A ray is its origin, its direction, and the distances at which it enters and leaves the ball of the scene, all in units of
    the ball's radius. For a ray that misses the ball both distances are those of its nearest point.
    """
    origins, directions = view.camera.rays()
    origins = origins / radius
    along = -(origins * directions).sum(1)
    half = np.sqrt((1 - (origins**2).sum(1) + along**2).clip(0))
    rays = np.concatenate((origins, directions, (along - half).clip(0)[:, None], (along + half)[:, None]), axis=1)
    return torch.from_numpy(rays).float(), torch.from_numpy(view.picture.reshape(-1, 3))


def sampled(rays: Tensor, jitter: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return sampled points ``(N, S, 3)`` of rays, their distances ``(N, S)``, and the lengths ``(N, 1)`` of the parts.

    Args:
        rays: Rays ``(N, 8)``, as ``rays_of`` returns them.
        jitter: Places ``(N, S)`` in [0, 1] of the samples within S equal parts of each ray.
    """
    near, far, count = rays[:, 6:7], rays[:, 7:8], jitter.shape[1]
    step = (far - near) / count
    distances = near + step * (torch.arange(count, dtype=rays.dtype, device=rays.device) + jitter)
    return rays[:, None, :3] + distances[..., None] * rays[:, None, 3:6], distances, step


def composited(outputs: Tensor, step: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Return the colours ``(N, 3)`` of rays, and the share ``(N, S)`` of each sample in them.

    Args:
        outputs: The network's outputs at the samples, ``(N, S, OUTPUTS)``.
        step: Length of the part of the ray of each sample, ``(N, 1)``.
        directions: Unit directions ``(N, 3)``.
    """
    absorbed = LARGEST_DENSITY * softplus(SHARPNESS * (outputs[..., 0] - EMPTY)) * step
    share = torch.exp(-(absorbed.cumsum(dim=1) - absorbed)) * (1 - torch.exp(-absorbed))
    weighted = outputs[..., 1:].unflatten(-1, (3, HARMONICS)) * _harmonics(directions)
    colours = torch.sigmoid(CONTRAST * weighted.sum(dim=-1))
    left = 1 - share.sum(dim=1, keepdim=True)
    return (share[..., None] * colours).sum(dim=1) + left, share


def _harmonics(directions: Tensor) -> Tensor:
    """Return the real spherical harmonics of degrees 0 and 1 of unit directions, ``(N, 1, 1, HARMONICS)``."""
    x, y, z = directions.unbind(dim=1)
    return torch.stack((torch.full_like(x, 0.28209479), 0.48860251 * y, 0.48860251 * z, 0.48860251 * x), dim=1)[:, None, None]


class RadianceEvaluation:
    """Evaluation of the test views.

    Args:
        scene: The scene.
        samples: Samples per ray, in the middle of equal parts.
    """

    def __init__(self, scene: Scene, samples: int) -> None:
        self.scene, self.samples = scene, samples

    def outputs(self, predict: Predict) -> Outputs:
        """Return the test views with their originals, and the error on every fourth training view."""
        return Outputs(
            {
                "test_views": lambda _: self._pairs(predict, self.scene.test),
                "fitted_mse": lambda _: self._pairs(predict, self.scene.training[::4]).mean_squared_error(),
            }
        )

    def _pairs(self, predict: Predict, views: tuple[View, ...]) -> ViewPairs:
        found = [self.render(predict, view) for view in views]
        return ViewPairs(
            pictures=[(picture, view.picture) for (picture, _), view in zip(found, views, strict=True)],
            depths=[(depth, view.depth) for (_, depth), view in zip(found, views, strict=True) if view.depth is not None],
            radius=self.scene.radius,
        )

    def render(self, predict: Predict, view: View) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the picture ``(H, W, 3)`` and the distances ``(H, W)`` that a network gives for a view's camera."""
        rays, _ = rays_of(view, self.scene.radius)
        pictures, depths = [], []
        for part in rays.split(RAYS_AT_ONCE):
            points, distances, step = sampled(part, torch.full((len(part), self.samples), 0.5))
            outputs = predict(points.flatten(0, 1)).unflatten(0, points.shape[:2])
            colours, share = composited(outputs, step, part[:, 3:6])
            pictures.append(colours)
            depths.append((share * distances).sum(dim=1) / share.sum(dim=1).clamp(min=1e-6))
        shape = (view.camera.height, view.camera.width)
        picture: NDArray[np.float32] = torch.cat(pictures).numpy().reshape(*shape, 3)
        depth: NDArray[np.float32] = (self.scene.radius * torch.cat(depths)).numpy().reshape(shape)
        return picture, depth

    def grid_pair(self, predict: Predict) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the first test view and its rendering."""
        view = self.scene.test[0]
        return view.picture, self.render(predict, view)[0]

    scaled_suffix = ".png"

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write the test views side by side, at most four, as ``reconstruction.png`` and ``truth.png``."""
        shown = self.scene.test[:4]
        write_image(folder / "truth.png", np.concatenate([view.picture for view in shown], axis=1))
        write_image(folder / "reconstruction.png", np.concatenate([self.render(predict, view)[0] for view in shown], axis=1))

    def save_scaled(self, predict: Predict, scale: int, path: Path) -> None:
        """Write the first test view with ``scale`` x ``scale`` pixels in place of each.

        Args:
            predict: Function from coordinates to values.
            scale: Factor of the resolution.
            path: File to write, ``.png``.
        """
        view = self.scene.test[0]
        camera = view.camera
        camera = replace(camera, focal=scale * camera.focal, height=scale * camera.height, width=scale * camera.width)
        blank = np.zeros((camera.height, camera.width, 3), dtype=np.float32)
        write_image(path, self.render(predict, View(camera, blank))[0])


def radiance_problem(scene: Scene, protocol: Protocol) -> RadianceProblem:
    """Return the fit of a scene's training views, with the protocol's settings."""
    return RadianceProblem(scene, protocol)
