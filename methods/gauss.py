"""Gauss: exp(-z^2 / (2 a^2)).

    y = exp(-z^2 / (2 a^2)),   z = W x + b

Ramasinghe, Lucey, "Beyond Periodicity: Towards a Unifying Framework for Activations in Coordinate-MLPs", ECCV 2022,
arXiv:2111.15135. a = 0.09 in the authors' code. Other repositories write exp(-(s z)^2) with s = 1 / (a sqrt 2), so their s = 30
is a = 0.0236 here. PyTorch's default initialisation is used.
"""

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method


class Gaussian(nn.Module):
    """Compute exp(-z^2 / (2 a^2)): ``(N, width) -> (N, width)``."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = a

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations."""
        return torch.exp(-0.5 * (z / self.a).square())


@register_method(
    "gauss", formula="exp(-z^2 / (2 a^2))",
    latex=r"\exp\left(-\frac{z^2}{2 a^2}\right)",
    paper="ramasinghe2022beyond",
    # siren's rule does not apply to a localised activation; chosen for this project on chord
    task_params={
        "audio": {"a_first": 0.0033, "a": 0.03},
        "audio:quick": {"a_first": 0.01, "a": 0.03},
        "audio:standard": {"a_first": 0.01, "a": 0.03},
    },
    search_ranges={"a": (0.01, 0.5), "a_first": (0.001, 0.5)},
)  # fmt: skip
def gauss(
    net: NetworkSpec,
    *,
    a: float = 0.09,  # the authors' run_nerf_helpers.py
    a_first: float | None = None,
) -> nn.Module:
    """Build a network with Gaussian activations.

    Args:
        net: Shape of the network.
        a: Width of the Gaussian.
        a_first: Width of the Gaussian in the first layer; None for ``a``.
    """
    first = a if a_first is None else a_first
    return CoordinateMLP(net, lambda i: Gaussian(a if i else first))
