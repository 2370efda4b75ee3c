"""sl2a: SL2A-INR, a learned first activation and low-rank ReLU layers that it modulates.

    p = LayerNorm(sum over i and k of C_iok T_k(tanh x_i)),   k = 0 .. degree
    h_1 = relu((p p) A_1 B_1 + b_1),   h_l = relu((p h_(l-1)) A_l B_l + b_l),   y = W (p h_L) + b

Heidari, Rezaeian, Azad, Merhof, Soltanian-Zadeh, Hacihaliloglu, "SL2A-INR: Single-Layer Learnable Activation for Implicit
Neural Representation", ICCV 2025, arXiv:2409.10836. Code of the authors: Iceage7/SL2A-INR at 3fd8293. C is Xavier-uniform as a
tensor of three dimensions; A and b ~ U(+-1/sqrt(rank)), B ~ U(+-1/sqrt(width)). The authors' network for images has degree 256
and rank 128 at width 256: 1.7 times the parameters of the other methods. Here the rank is a quarter of the width, and the
degree is the largest up to 256 that fits in the parameters of an MLP of ``width``; ``degree=256, rank=128`` gives the authors'
network.
"""

import math

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import ChebyshevLayer, parameters_of_mlp

LARGEST_DEGREE = 256


class LowRankRelu(nn.Module):
    """relu(x A B + b) with A ``(width, rank)`` and B ``(rank, width)``: ``(N, width) -> (N, width)``."""

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        near, wide = 1 / math.sqrt(rank), 1 / math.sqrt(width)
        self.a = nn.Parameter(torch.empty(width, rank).uniform_(-near, near))
        self.b = nn.Parameter(torch.empty(rank, width).uniform_(-wide, wide))
        self.bias = nn.Parameter(torch.empty(width).uniform_(-near, near))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        return torch.relu(x @ self.a @ self.b + self.bias)


class Sl2a(nn.Module):
    """The network: ``(N, in_features) -> (N, out_features)``.

    Args:
        net: Shape of the network.
        degree: Highest degree of the first layer's polynomials.
        rank: Rank of the other layers.
    """

    def __init__(self, net: NetworkSpec, degree: int, rank: int) -> None:
        super().__init__()
        self.first, self.norm = ChebyshevLayer(net.in_features, net.width, degree), nn.LayerNorm(net.width)
        nn.init.xavier_uniform_(self.first.coefficients)
        self.hidden = nn.ModuleList(LowRankRelu(net.width, rank) for _ in range(net.n_layers - 1))
        self.output = nn.Linear(net.width, net.out_features)

    def forward(self, x: Tensor) -> Tensor:
        """Map coordinates to values."""
        p = self.norm(self.first(x))
        y = p
        for layer in self.hidden:
            y = layer(p * y)
        out: Tensor = self.output(p * y)
        return out


@register_method(
    "sl2a",
    formula="LayerNorm(sum of C_iok T_k(tanh x_i)), then low-rank ReLU layers multiplied by it",
    latex=(
        r"p = \mathrm{LayerNorm}\Big(\sum_{i,k} C_{iok}\, T_k(\tanh x_i)\Big), "
        r"\quad h_{l+1} = \mathrm{ReLU}\left(A_l B_l (p \odot h_l) + b_l\right)"
    ),
    paper="heidari2025sl2a",
    kinds=("function", "image", "video", "volume", "shape", "restoration", "ct", "audio", "radiance"),
    authors={
        # train.py: Adam 1e-3 times 0.1^(t/T), 501 epochs with at most 16,384 pixels per step, coordinates in [-1, 1]
        "image": {
            "lr": "1e-3",
            "lr_min": "1e-4",
            "schedule": "exponential",
            "batch": "16384",
            "coordinate_range": "(-1,1)",
        },
    },
)
def sl2a(
    net: NetworkSpec,
    *,
    degree: int | None = None,
    rank: int | None = None,
) -> nn.Module:
    """Build an SL2A network.

    Args:
        net: Shape of the network.
        degree: Highest degree of the first layer's polynomials; None for the largest that fits.
        rank: Rank of the other layers; None for a quarter of the width.
    """
    chosen = max(1, net.width // 4) if rank is None else rank
    others = (net.n_layers - 1) * (2 * net.width * chosen + net.width) + 2 * net.width + (net.width + 1) * net.out_features
    fits = (parameters_of_mlp(net) - others) // (net.in_features * net.width) - 1
    return Sl2a(net, min(LARGEST_DEGREE, max(1, fits)) if degree is None else degree, chosen)
