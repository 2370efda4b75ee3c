"""Gauss: exp(-z^2 / (2 a^2)).

    y = exp(-z^2 / (2 a^2)),   z = W x + b

Ramasinghe, Lucey, "Beyond Periodicity: Towards a Unifying Framework for Activations in Coordinate-MLPs", ECCV 2022,
arXiv:2111.15135. a = 0.09 in the authors' code. Other repositories write exp(-(s z)^2), s = 1 / (a sqrt 2), so
their s = 30 is a = 0.0236 here. The framework's default initialisation.
"""

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method


class Gaussian(nn.Module):
    """exp(-z^2 / (2 a^2)): ``(N, width) -> (N, width)``."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = a

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations."""
        return torch.exp(-0.5 * (z / self.a).square())


@register_method("gauss", formula="exp(-z^2 / (2 a^2))", paper="ramasinghe2022beyond")
def gauss(
    net: NetworkSpec,
    *,
    a: float = 0.09,  # run_nerf_helpers.py of the authors
) -> nn.Module:
    """Build a Gaussian-activated network."""
    return CoordinateMLP(net, lambda i: Gaussian(a))
