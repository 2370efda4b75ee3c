"""Oriented point clouds: a network from position to signed distance, fitted without any distance.

The loss is that of Sitzmann et al. 2020 (``loss_functions.py``, ``sdf``): on the cloud the distance is 0 and its gradient is
the normal; at random points of the box the distance is not near 0; and the gradient has length 1 everywhere (the eikonal
equation). Each of the four terms is a mean over the points of both kinds.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from inrbench.data import ShapeTruth, sample_surface
from inrbench.derivatives import DerivativeSpec, Jet, analytic_jet, backward_jet, has_analytic_jet
from inrbench.errors import NotApplicable
from inrbench.metrics.shape import iou
from inrbench.nn import LinearModel, is_solver
from inrbench.problems.base import Batch, Loss, Predict, with_penalty
from inrbench.problems.drawn import DrawnProblem
from inrbench.problems.shape import ShapeEvaluation, shape_evaluation
from inrbench.settings import PointCloudSettings
from inrbench.spec import Protocol

GRADIENT = DerivativeSpec((1.0, 1.0, 1.0), first=(0, 1, 2))
NEAR = 100.0
"""Factor of the distance in the term that keeps random points away from the surface, per half side of the box."""


class PointCloudProblem(DrawnProblem):
    """Fit a distance to points and normals of its zero level. Points are drawn anew for every step.

    Args:
        cloud: Points ``(N, 3)`` of the surface.
        normals: Their unit normals ``(N, 3)``, outwards.
        evaluation: Evaluation against the exact distance.
        protocol: Protocol with PointCloudSettings. Its ``batch`` is the number of points of the cloud, and of random points in
            the box, per step.
    """

    indivisible_batch = True
    in_features, out_features = 3, 1
    evals_per_point = 2
    evaluation: ShapeEvaluation

    def __init__(self, cloud: Tensor, normals: Tensor, evaluation: ShapeEvaluation, protocol: Protocol) -> None:
        super().__init__(protocol, "for point clouds needs a batch: the number of points of the cloud per step")
        self.cloud, self.normals, self.evaluation = cloud, normals, evaluation
        self.settings = protocol.settings_as(PointCloudSettings)
        self.domain = tuple(zip(evaluation.grid.low, evaluation.grid.high, strict=True))

    def error_share(self, network: nn.Module, predict: Predict) -> float | None:
        """Return 1 - IoU. A constant field, which is outside everywhere, has 1."""
        known = self.evaluation.last_overlap or self.evaluation.outputs(predict)["grid_overlap"]
        return 1 - iou(known)

    def validate_network(self, network: nn.Module) -> None:
        """Raise NotApplicable for a model that is solved: the loss is not a sum of squares of its outputs."""
        if isinstance(network, LinearModel) or is_solver(network):
            raise NotApplicable("the method is solved and not trained; it cannot be fitted to a point cloud")

    def batches(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield (points of the cloud, their normals, random points in the box) for the single step of an epoch."""
        rows = torch.randint(len(self.cloud), (self.batch,), generator=generator)
        low, high = (torch.tensor(ends, dtype=torch.float64) for ends in zip(*self.domain, strict=True))
        free = low + (high - low) * torch.rand(self.batch, 3, generator=generator, dtype=torch.float64)
        yield self._moved((self.cloud[rows], self.normals[rows], free))

    def example(self, points: int) -> Batch:
        """Return a batch that no run uses. It cannot be split."""
        return next(self.batches(torch.Generator().manual_seed(0)))

    def loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the loss. Derivatives are computed by reverse mode.

        Args:
            network: Network that is fitted.
            chunk: A whole batch.
            weight: Not used.
        """
        surface, normals, free = chunk
        jet = backward_jet(network, torch.cat((surface, free)), GRADIENT)
        return with_penalty(self._total(jet, normals), network)

    def fast_loss(self, network: nn.Module) -> Loss:
        """Return ``analytic_loss`` for a network that supports it, otherwise ``loss``."""
        return self.analytic_loss if has_analytic_jet(network) else self.loss

    def analytic_loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the loss. Derivatives are computed analytically, layer by layer.

        Args:
            network: Network that is fitted.
            chunk: A whole batch.
            weight: Not used.
        """
        surface, normals, free = chunk
        jet, _ = analytic_jet(network, torch.cat((surface, free)), GRADIENT)
        return with_penalty(self._total(jet, normals), network)

    def _total(self, jet: Jet, normals: Tensor) -> Tensor:
        n = len(normals)
        gradient, settings = torch.cat(jet.first, dim=1), self.settings
        on, away = jet.value[:n].abs().sum(), torch.exp(-NEAR * jet.value[n:].abs()).sum()
        turned = (1 - cosine_similarity(gradient[:n], normals, dim=1)).sum()
        parts = settings.surface_weight * on + settings.away_weight * away + settings.normal_weight * turned
        eikonal = (gradient.norm(dim=1) - 1).abs().mean()
        return parts / len(gradient) + settings.eikonal_weight * eikonal


def point_cloud_problem(truth: ShapeTruth, protocol: Protocol, data_seed: int) -> PointCloudProblem:
    """Return the fit of a signed distance to points of a shape's surface, with the protocol's settings.

    ``points``: number of points of the cloud, uniform over the surface.

    Args:
        truth: The shape's distances on a grid, for the evaluation, and its surface.
        protocol: Protocol with PointCloudSettings.
        data_seed: Seed of the cloud.
    """
    settings = protocol.settings_as(PointCloudSettings)
    points, normals = sample_surface(truth.mesh, settings.points, data_seed)
    return PointCloudProblem(_doubles(points), _doubles(normals), shape_evaluation(truth, settings), protocol)


def _doubles(values: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64))
