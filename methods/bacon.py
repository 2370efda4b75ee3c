"""bacon: a band-limited multiplicative filter network of sine filters with frozen frequencies.

    y = W z_n + b,   z_1 = g_1(x),   z_{i+1} = (W_i z_i + b_i) * g_{i+1}(x),   g_i(x) = sin(A_i x + p_i)

Lindell, Van Veen, Park, Wetzstein, "BACON: Band-Limited Coordinate Networks for Multiscale Scene Representation", CVPR 2022,
arXiv:2112.04645. As in the authors' code, every entry of A_i is a random multiple of 2 pi in [-B, B] and is not trained, with
B = round(pi frequency / n / 2 pi) 2 pi, so that products of n filters reach pi frequency. p_i ~ U(-pi, pi) is trained. W_i and
the output weights are drawn from U(+-sqrt(6 / width)). n, the number of filters, is the protocol's number of nonlinear layers.

Deviations: there is one output, that of the last layer (in their multi-scale variant, the authors also train one output per
layer). The authors' coordinates are in [-0.5, 0.5], where a multiple of 2 pi has a whole number of periods. Here a frequency
has the same whole number of periods over the domain of the problem's coordinates, whatever its size.
"""

import math

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import MultiplicativeNetwork


class FrozenSineFilter(nn.Module):
    """Compute sin(A x + p) with frozen A: ``(N, in_features) -> (N, width)``."""

    A: Tensor

    def __init__(self, net: NetworkSpec, most: int) -> None:
        super().__init__()
        width = net.width
        low, high = torch.tensor(net.domain).T
        periods = torch.randint(-most, most + 1, (width, net.in_features))
        self.register_buffer("A", 2 * math.pi / (high - low) * periods.float())
        self.p = nn.Parameter(math.pi * (2 * torch.rand(width) - 1))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the filter to coordinates."""
        return torch.sin(x @ self.A.T + self.p)


@register_method(
    "bacon", formula="(W z + b) * sin(A x + p), layer by layer, A frozen within a band",
    latex=r"z_{l+1} = (W_l z_l + b_l) \odot \sin(A_{l+1} x + p_{l+1}), \quad A \text{ frozen within a band}",
    paper="lindell2022bacon",
    task_params={
        # Chosen for this project: products of all filters reach a quarter of the Nyquist frequency of 8,000 samples,
        # 64 voxels or 130 pixels.
        "audio:quick": {"frequency": 2000.0},
        "audio:standard": {"frequency": 2000.0},
        "sdf:quick": {"frequency": 16.0},
        "sdf:standard": {"frequency": 16.0},
        "occupancy:quick": {"frequency": 16.0},
        "occupancy:standard": {"frequency": 16.0},
        "denoise:quick": {"frequency": 32.0},
        "denoise:standard": {"frequency": 32.0},
        "super-resolution:quick": {"frequency": 32.0},
        "super-resolution:standard": {"frequency": 32.0},
        "inpainting:quick": {"frequency": 32.0},
        "inpainting:standard": {"frequency": 32.0},
        "ct:quick": {"frequency": 16.0},
        "ct:standard": {"frequency": 16.0},
    },
    search_ranges={"frequency": (8.0, 16000.0)},
)  # fmt: skip
def bacon(
    net: NetworkSpec,
    *,
    frequency: float = 128.0,  # authors' code, per axis
) -> nn.Module:
    """Build a BACON network with one output.

    Args:
        net: Shape of the network.
        frequency: Twice the largest number of periods of the output over the domain, per axis.
    """
    most = round(math.pi * frequency / net.n_layers / (2 * math.pi))
    return MultiplicativeNetwork(net, lambda i: FrozenSineFilter(net, most), 6.0, scale_output=True)
