"""bilinear: a grid of values with linear interpolation along each axis, as many values as the network has parameters.

    y = sum over the 2^d corners of x's cell of v_corner prod_i (1 - |x_i - corner_i| / h)

A baseline: the signal at a lower resolution. The values are the least-squares solution, found by conjugate gradients instead
of the protocol's optimiser. A method that does not beat it is worse than a downsampled signal of the same size. The second
derivative is zero.
"""

import itertools

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import LinearModel, values_per_axis


class LinearGrid(LinearModel):
    """Interpolate a grid over the domain, with ``cells + 1`` values per axis and channel.

    Points outside the domain get the value at the nearest point of its boundary.
    """

    low: Tensor
    size: Tensor

    def __init__(self, net: NetworkSpec, cells: int) -> None:
        super().__init__()
        self.cells = cells
        low, high = torch.tensor(net.domain, dtype=torch.float64).T
        self.values = nn.Parameter(torch.zeros((cells + 1) ** net.in_features, net.out_features))
        self.register_buffer("low", low.float())
        self.register_buffer("size", (high - low).float())

    def forward(self, x: Tensor) -> Tensor:
        """Interpolate at coordinates ``(N, in_features)``."""
        place = ((x.to(self.values.dtype) - self.low) / self.size * self.cells).clamp(0, self.cells)
        cell = place.detach().floor().clamp(max=self.cells - 1)
        share = place - cell
        total = torch.zeros(len(x), self.values.shape[1], dtype=place.dtype, device=x.device)
        for corner in itertools.product((0, 1), repeat=x.shape[1]):
            row = torch.zeros(len(x), dtype=torch.long, device=x.device)
            weight = torch.ones(len(x), dtype=place.dtype, device=x.device)
            for axis, step in enumerate(corner):
                row = row * (self.cells + 1) + cell[:, axis].long() + step
                weight = weight * (share[:, axis] if step else 1 - share[:, axis])
            total = total + weight[:, None] * self.values[row]
        return total


@register_method(
    "bilinear",
    formula="interpolated values on a grid, as many as the network has parameters",
    kinds=("function", "image", "video", "volume", "shape", "restoration", "ct", "audio"),
    closed_form=True,
)
def bilinear(net: NetworkSpec) -> nn.Module:
    """Build a grid with about as many values as the network has parameters."""
    return LinearGrid(net, max(1, values_per_axis(net) - 1))
