"""bilinear: a grid of values, interpolated linearly along each axis, with as many values as the network has parameters.

    y = sum over the 2^d corners of x's cell of v_corner prod_i (1 - |x_i - corner_i| / h)

The signal at a lower resolution, as a method like any other: the values start near zero and are fitted by the protocol's
optimiser. A method that does not beat it is worse than a thumbnail of its own size. Its second derivative is zero.
"""

import itertools

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import values_per_axis

GAIN = 10.0
"""What a value is multiplied by. Adam moves each parameter by about the learning rate, which is a network's scale."""


class LinearGrid(nn.Module):
    """``cells + 1`` values an axis and channel, over the box from ``low`` to 1; beyond it, its rim."""

    def __init__(self, in_features: int, out_features: int, cells: int, low: float) -> None:
        super().__init__()
        self.cells, self.low = cells, low
        self.values = nn.Parameter(1e-4 * torch.randn((cells + 1) ** in_features, out_features))

    def forward(self, x: Tensor) -> Tensor:
        """Interpolate at coordinates ``(N, in_features)``."""
        place = ((x - self.low) / (1 - self.low) * self.cells).clamp(0, self.cells)
        cell = place.detach().floor().clamp(max=self.cells - 1)
        share = place - cell
        total = torch.zeros(len(x), self.values.shape[1], dtype=x.dtype, device=x.device)
        for corner in itertools.product((0, 1), repeat=x.shape[1]):
            row = torch.zeros(len(x), dtype=torch.long, device=x.device)
            weight = torch.ones(len(x), dtype=x.dtype, device=x.device)
            for axis, step in enumerate(corner):
                row = row * (self.cells + 1) + cell[:, axis].long() + step
                weight = weight * (share[:, axis] if step else 1 - share[:, axis])
            total = total + weight[:, None] * self.values[row]
        return GAIN * total


@register_method(
    "bilinear",
    formula="values on a grid, interpolated; as many as the network has parameters",
    kinds=("function", "image", "video", "shape", "restoration", "ct", "audio"),
    settings={"image": {"low": 0.0}, "video": {"low": 0.0}},  # these protocols' coordinates begin at 0
)
def bilinear(net: NetworkSpec, *, low: float = -1.0) -> nn.Module:
    """Build a grid; ``low`` is where the protocol's coordinates begin."""
    return LinearGrid(net.in_features, net.out_features, max(1, values_per_axis(net) - 1), low)
