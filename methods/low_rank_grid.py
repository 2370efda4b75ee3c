"""low-rank-grid: a sum of products of one-dimensional grids, or of planes and lines (TensoRF).

    cp:   y = W (u(x_1) v(x_2) w(x_3)) + b,   u, v, w: R components on lines with linear interpolation
    vm:   y = W [p_12(x_1, x_2) w(x_3), p_23(x_2, x_3) u(x_1), p_13(x_1, x_3) v(x_2)] + b, with planes p (three dimensions only)

Chen, Xu, Geiger, Yu, Su, "TensoRF: Tensorial Radiance Fields", ECCV 2022, arXiv:2203.09517. Code of the authors:
apchenstu/TensoRF at 6a1e23b: lines and planes ~ 0.1 N(0, 1) (vm) or 0.2 N(0, 1) (cp), sampled with the first and the last
point on the ends; learning rate 0.02 for grids and 1e-3 for the rest, betas 0.9 and 0.99, falling to a tenth. The authors have
no version in two dimensions and a network after the features; the linear map W, and cp in one and two dimensions, are this
project's. The number of components is as large as fits in the parameters of an MLP of the protocol's shape. The grids are not
refined during training. Second derivatives along an axis are zero.
"""

import itertools
from typing import Literal

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.errors import BadValue
from inrbench.nn import OwnTraining, ParameterGroup, parameters_of_mlp
from inrbench.spec import Adam

Kind = Literal["cp", "vm"]
START = {"cp": 0.2, "vm": 0.1}
"""Standard deviation of the initial values."""
PLANES = (((0, 1), 2), ((1, 2), 0), ((0, 2), 1))
"""Axes of a plane, and of its line."""


class Factor(nn.Module):
    """R values on a grid of one or two dimensions, with linear interpolation: ``(N, d) -> (N, R)``.

    Args:
        rank: Number of components R.
        resolution: Grid points per axis.
        dimensions: 1 or 2.
        std: Standard deviation of the initial values.
    """

    def __init__(self, rank: int, resolution: int, dimensions: int, std: float) -> None:
        super().__init__()
        self.resolution, self.dimensions = resolution, dimensions
        self.values = nn.Parameter(std * torch.randn(resolution**dimensions, rank))

    def forward(self, unit: Tensor) -> Tensor:
        """Interpolate at positions in [0, 1]; those outside get the value at the end."""
        place = (unit * (self.resolution - 1)).clamp(0, self.resolution - 1)
        cell = place.detach().floor().clamp(max=self.resolution - 2)
        share, corner = place - cell, cell.long()
        total = torch.zeros(len(unit), self.values.shape[1], dtype=unit.dtype, device=unit.device)
        for offset in itertools.product((0, 1), repeat=self.dimensions):
            row = torch.zeros_like(corner[:, 0])
            weight = torch.ones_like(share[:, 0])
            for axis, step in enumerate(offset):
                row = row * self.resolution + corner[:, axis] + step
                weight = weight * (share[:, axis] if step else 1 - share[:, axis])
            total = total + weight[:, None] * self.values[row]
        return total


class LowRankGrid(nn.Module):
    """Products of factors and a linear map: ``(N, in_features) -> (N, out_features)``.

    Args:
        net: Shape of the network, with the domain of the coordinates.
        kind: ``cp`` or ``vm``.
        rank: Number of components of each product.
        resolution: Grid points per axis.
    """

    low: Tensor
    extent: Tensor

    def __init__(self, net: NetworkSpec, kind: Kind, rank: int, resolution: int) -> None:
        super().__init__()
        low, high = torch.tensor(net.domain, dtype=torch.float64).T
        self.register_buffer("low", low.float(), persistent=False)
        self.register_buffer("extent", (high - low).float(), persistent=False)
        lines: list[list[tuple[int, ...]]] = [[(axis,) for axis in range(net.in_features)]]
        axes = lines if kind == "cp" else [[plane, (line,)] for plane, line in PLANES]
        self.axes = axes
        self.products = nn.ModuleList(
            nn.ModuleList(Factor(rank, resolution, len(each), START[kind]) for each in product) for product in axes
        )
        self.head = nn.Linear(rank * len(axes), net.out_features)

    def forward(self, x: Tensor) -> Tensor:
        """Map coordinates to values."""
        unit = (x - self.low) / self.extent
        features = []
        for product, axes in zip(self.products, self.axes, strict=True):
            value = torch.ones((), dtype=unit.dtype, device=unit.device)
            for factor, each in zip(product, axes, strict=True):  # type: ignore[call-overload]
                value = value * factor(unit[:, list(each)])
            features.append(value)
        out: Tensor = self.head(torch.cat(features, dim=1))
        return out

    def own_training(self, steps: int) -> OwnTraining:
        """Return the authors' optimiser: the linear map learns 20 times more slowly than the grids."""
        return OwnTraining(
            groups=[ParameterGroup(parameters=self.head.parameters(), rate_factor=0.05)], optimiser=Adam(betas=(0.9, 0.99))
        )


@register_method(
    "low-rank-grid",
    formula="W (u(x_1) v(x_2) w(x_3)) + b, u, v and w interpolated on lines",
    latex=r"y = W \left(u(x_1) \odot v(x_2) \odot w(x_3)\right) + b",
    paper="chen2022tensorf",
    kinds=("image", "video", "volume", "shape", "restoration", "ct", "radiance"),  # on a line it would be bilinear
    task_params={"shape": {"resolution": 64}},
    authors={"radiance": {"lr": "2e-2", "lr_min": "2e-3", "schedule": "exponential"}},  # configs of the authors
    search_ranges={"resolution": (16, 1024)},
    own_training=True,
)
def low_rank_grid(
    net: NetworkSpec,
    *,
    kind: Kind = "cp",
    resolution: int = 128,
) -> nn.Module:
    """Build a low-rank grid.

    Args:
        net: Shape of the network. Its parameters are the budget.
        kind: ``cp``: products of lines; ``vm``: products of planes and lines, in three dimensions.
        resolution: Grid points per axis; fewer if one component would have more parameters than an MLP.

    Raises:
        BadValue: ``vm`` in another number of dimensions than three, or a grid with fewer than 2 points.
    """
    if kind == "vm" and net.in_features != 3:
        raise BadValue(f"low-rank-grid[kind=vm] needs three coordinates, the task has {net.in_features}; use kind=cp")
    if resolution < 2:
        raise BadValue(f"low-rank-grid: resolution must be at least 2, got {resolution}")
    products = 1 if kind == "cp" else len(PLANES)
    budget = parameters_of_mlp(net) - net.out_features

    def rank_at(side: int) -> int:
        values = side * net.in_features if kind == "cp" else side**2 + side
        return budget // (products * (values + net.out_features))

    while resolution > 2 and rank_at(resolution) < 1:
        resolution -= 1
    return LowRankGrid(net, kind, max(1, rank_at(resolution)), resolution)
