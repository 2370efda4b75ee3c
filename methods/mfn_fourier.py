"""mfn-fourier: a multiplicative filter network of sine filters (FourierNet).

    y = W z_n + b,   z_1 = g_1(x),   z_{i+1} = (W_i z_i + b_i) * g_{i+1}(x),   g_i(x) = sin(A_i x + p_i)

Fathony, Sahu, Willmott, Kolter, "Multiplicative Filter Networks", ICLR 2021. As in the authors' code: A_i is a
default-initialised linear layer's weight times input_scale / sqrt(n), p_i ~ U(-pi, pi), W_i ~ U(+-sqrt(weight_scale / width)),
all of them trained. n, the number of filters, is the protocol's number of nonlinear layers.
"""

import math

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import MultiplicativeNetwork


class SineFilter(nn.Module):
    """sin(A x + p): ``(N, in_features) -> (N, width)``."""

    def __init__(self, in_features: int, width: int, scale: float) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, width)
        with torch.no_grad():
            self.linear.weight.mul_(scale)
            self.linear.bias.uniform_(-math.pi, math.pi)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to coordinates."""
        return torch.sin(self.linear(x))


@register_method(
    "mfn-fourier", formula="(W z + b) * sin(A x + p), layer by layer", paper="fathony2021mfn",
    ranges={"input_scale": (16.0, 512.0)},
)  # fmt: skip
def mfn_fourier(
    net: NetworkSpec,
    *,
    input_scale: float = 256.0,  # authors' code
    weight_scale: float = 1.0,  # authors' code
) -> nn.Module:
    """Build a FourierNet."""
    scale = input_scale / net.n_layers**0.5
    return MultiplicativeNetwork(net, lambda i: SineFilter(net.in_features, net.width, scale), weight_scale)
