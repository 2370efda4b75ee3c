"""A layer of Chebyshev polynomials."""

import torch
from torch import Tensor, nn


class ChebyshevLayer(nn.Module):
    """y_o = sum over i and k of C_iok T_k(tanh x_i), k = 0 .. degree: ``(N, in_features) -> (N, out_features)``.

    T_k follows from T_k(u) = 2 u T_(k-1)(u) - T_(k-2)(u), whose derivatives are finite, unlike those of cos(k arccos u) at the
    ends. The coefficients are ``(in_features, out_features, degree + 1)``; the method initialises them.

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
        u = torch.tanh(x)
        terms = [torch.ones_like(u), u]
        for _ in range(self.degree - 1):
            terms.append(2 * u * terms[-1] - terms[-2])
        basis = torch.stack(terms, dim=-1).flatten(1)  # (N, in_features * (degree + 1))
        return basis @ self.coefficients.transpose(1, 2).flatten(0, 1)
