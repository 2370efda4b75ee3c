"""dct: a truncated cosine series, with as many coefficients as the network has parameters (at most 2,048 in 1-D).

    y = sum_k c_k prod_i cos(pi k_i t_i),   t_i in [0, 1] along axis i,   k_i = 0 .. K - 1

A baseline: the transform behind JPEG compression. The coefficients are the least-squares solution, found by conjugate
gradients instead of the protocol's optimiser. A method that does not beat it gains nothing from its layers.
"""

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import LinearModel, values_per_axis

MOST_TERMS = 2048
"""Of a series of one variable: more than there are points of it would only interpolate."""


class CosineSeries(LinearModel):
    """Evaluate a product basis with ``terms`` frequencies per axis over the domain of the coordinates."""

    waves: Tensor
    low: Tensor
    size: Tensor

    def __init__(self, net: NetworkSpec, terms: int) -> None:
        super().__init__()
        self.terms = terms
        low, high = torch.tensor(net.domain, dtype=torch.float64).T
        self.coefficients = nn.Parameter(torch.zeros(terms**net.in_features, net.out_features))
        for name, value in (("waves", torch.pi * torch.arange(terms)), ("low", low), ("size", high - low)):
            self.register_buffer(name, value.float())

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate the series at coordinates ``(N, in_features)``."""
        place = (x.to(self.coefficients.dtype) - self.low) / self.size
        first, *others = (torch.cos(column[:, None] * self.waves) for column in place.T)
        y = first @ self.coefficients.reshape(self.terms, -1)
        for cosines in others:  # one axis at a time: the product of all bases would not fit in the cache
            y = (y.reshape(len(x), self.terms, -1) * cosines[:, :, None]).sum(1)
        return y


@register_method(
    "dct",
    formula="sum of c_k prod cos(pi k t), as many terms as the network has parameters",
    latex=r"y = \sum_k c_k \prod_d \cos(\pi k_d t_d)",
    kinds=("function", "image", "video", "volume", "shape", "restoration", "ct", "audio"),
    closed_form=True,
)
def dct(net: NetworkSpec) -> nn.Module:
    """Build a cosine series with about as many coefficients as the network has parameters."""
    return CosineSeries(net, min(values_per_axis(net), MOST_TERMS))
