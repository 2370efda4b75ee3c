"""fourier-kan: a Kolmogorov-Arnold network with Fourier series.

    y = b + sum over i and k of A_ik cos(k x_i) + B_ik sin(k x_i),   k = 1 .. grid

Code: GistNoesis/FourierKAN at ef80791, ``fftKAN.py``: A and B ~ N(0, 1 / (in grid)), b = 0, and no normalisation between the
layers; ``smooth`` gives N(0, 1 / (in k^4)) as its ``smooth_initialization``. There is no paper of its authors; the paper of
Kolmogorov-Arnold networks is Liu et al., ICLR 2025, arXiv:2404.19756. The code has no usual ``grid``; 8 is that of
lif314/X-KANeRF at c590310. The hidden layers are as wide as fits in the parameters of an MLP of ``width``.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import largest_width, parameters_of_mlp


class FourierLayer(nn.Module):
    """A Fourier series of each input: ``(N, in_features) -> (N, out_features)``.

    Args:
        in_features: Inputs.
        out_features: Outputs.
        grid: Highest frequency.
        smooth: Whether the initial coefficients fall with the square of the frequency.
    """

    frequencies: Tensor

    def __init__(self, in_features: int, out_features: int, grid: int, smooth: bool) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.arange(1, grid + 1, dtype=torch.float32), persistent=False)
        fall = self.frequencies.square() if smooth else torch.full((grid,), math.sqrt(grid))
        self.coefficients = nn.Parameter(
            torch.randn(2, in_features, grid, out_features) / math.sqrt(in_features) / fall[:, None]
        )
        self.bias = nn.Parameter(torch.zeros(out_features))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        phase = (x[..., None] * self.frequencies).flatten(1)
        cosines, sines = self.coefficients.flatten(1, 2)
        return torch.cos(phase) @ cosines + torch.sin(phase) @ sines + self.bias


@register_method(
    "fourier-kan",
    formula="sum of A_oik cos(k x_i) + B_oik sin(k x_i)",
    latex=r"y_o = \sum_{i,k} A_{oik} \cos(k x_i) + B_{oik} \sin(k x_i)",
    paper="liu2025kan",
    task_params={
        "audio": {"first_scale": 3000.0},  # as siren's first frequency
        "audio:quick": {"first_scale": 1000.0},
        "audio:standard": {"first_scale": 1000.0},
    },
    search_ranges={"first_scale": (0.5, 6000.0)},
)
def fourier_kan(
    net: NetworkSpec,
    *,
    grid: int = 8,  # X-KANeRF
    smooth: bool = False,
    first_scale: float = 3.14159,
) -> nn.Module:
    """Build a Fourier KAN.

    Args:
        net: Shape of the network.
        grid: Highest frequency of the series.
        smooth: Whether the initial coefficients fall with the square of the frequency.
        first_scale: Factor of the coordinates. With pi, the series of the first layer have the period of [-1, 1]; the code
            leaves the choice to the user.
    """

    def sizes(width: int) -> list[int]:
        return [net.in_features, *[width] * net.n_layers, net.out_features]

    def count(width: int) -> int:
        return sum(2 * m * n * grid + n for m, n in pairwise(sizes(width)))

    width = largest_width(count, parameters_of_mlp(net))
    return FourierKan([FourierLayer(m, n, grid, smooth) for m, n in pairwise(sizes(width))], first_scale)


class FourierKan(nn.Module):
    """Fourier layers one after another: ``(N, in_features) -> (N, out_features)``."""

    def __init__(self, layers: list[FourierLayer], first_scale: float) -> None:
        super().__init__()
        self.layers, self.first_scale = nn.Sequential(*layers), first_scale

    def forward(self, x: Tensor) -> Tensor:
        """Map coordinates to values."""
        y: Tensor = self.layers(self.first_scale * x)
        return y
