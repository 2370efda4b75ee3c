"""A layer of Chebyshev polynomials."""

import torch
from torch import Tensor, nn


class ChebyshevLayer(nn.Module):
    """y_o = sum over i and k of C_iok T_k(tanh x_i), k = 0 .. degree: ``(N, in_features) -> (N, out_features)``.

    The derivatives of T_k, as it is computed here, are finite, unlike those of cos(k arccos u) at the ends. The coefficients
    are ``(in_features, out_features, degree + 1)``; the method initialises them.

    Args:
        in_features: Inputs.
        out_features: Outputs.
        degree: Highest degree of the polynomials, at least 1.
    """

    def __init__(self, in_features: int, out_features: int, degree: int) -> None:
        super().__init__()
        self.degree = degree
        self.coefficients = nn.Parameter(torch.empty(in_features, out_features, degree + 1))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        basis = polynomials(torch.tanh(x), self.degree).flatten(1)  # (N, in_features * (degree + 1))
        return basis @ self.coefficients.transpose(1, 2).flatten(0, 1)


def polynomials(u: Tensor, degree: int) -> Tensor:
    """Return T_0 to T_degree of numbers in [-1, 1]: ``(...) -> (..., degree + 1)``.

    The number of terms is doubled by T_(m+j) = 2 T_m T_j - T_(m-j). A recursion from term to term would be hundreds of
    operations, which takes minutes to compile.
    """
    terms = torch.stack([torch.ones_like(u), u], dim=-1)
    while (last := terms.shape[-1] - 1) < degree:
        count = min(last, degree - last)
        more = 2 * terms[..., last:] * terms[..., 1 : count + 1] - terms[..., last - count : last].flip(-1)
        terms = torch.cat([terms, more], dim=-1)
    return terms
