"""dct: a truncated cosine series, with as many coefficients as the network has parameters (at most 2,048 in 1-D).

    y = sum_k c_k prod_i cos(pi k_i t_i),   t_i in [0, 1] along axis i,   k_i = 0 .. K - 1

What compression has done since JPEG, as a method like any other: the coefficients start near zero and are fitted by the
protocol's optimiser. A method that does not beat it has gained nothing from its layers.
"""

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import values_per_axis

GAIN = 10.0
"""What a coefficient is multiplied by. Adam moves each parameter by about the learning rate, which is a network's scale."""
MOST_TERMS = 2048
"""Of a series of one variable: more than there are points of it would only interpolate."""


class CosineSeries(nn.Module):
    """A product basis with ``terms`` frequencies an axis, over the box from ``low`` to 1."""

    waves: Tensor

    def __init__(self, in_features: int, out_features: int, terms: int, low: float) -> None:
        super().__init__()
        self.low, self.terms = low, terms
        self.coefficients = nn.Parameter(1e-4 * torch.randn(terms**in_features, out_features))
        self.register_buffer("waves", torch.pi * torch.arange(terms))

    def forward(self, x: Tensor) -> Tensor:
        """Sum the series at coordinates ``(N, in_features)``."""
        first, *others = (torch.cos(column[:, None] * self.waves) for column in ((x - self.low) / (1 - self.low)).T)
        y = first @ (GAIN * self.coefficients).reshape(self.terms, -1)
        for cosines in others:  # one axis after the other: the product of all bases would not fit the cache
            y = (y.reshape(len(x), self.terms, -1) * cosines[:, :, None]).sum(1)
        return y


@register_method(
    "dct",
    formula="sum of c_k prod cos(pi k t), as many as the network has parameters",
    kinds=("function", "image", "video", "shape", "restoration", "ct", "audio"),
    settings={"image": {"low": 0.0}, "video": {"low": 0.0}},  # these protocols' coordinates begin at 0
)
def dct(net: NetworkSpec, *, low: float = -1.0) -> nn.Module:
    """Build a series; ``low`` is where the protocol's coordinates begin."""
    return CosineSeries(net.in_features, net.out_features, min(values_per_axis(net), MOST_TERMS), low)
