"""Encodings of the input coordinates."""

import math

import torch
from torch import Tensor, nn


class Encoding(nn.Module):
    """A fixed map of coordinates, ``(N, in_features) -> (N, out_features)``."""

    out_features: int


class PositionalEncoding(Encoding):
    """[x, sin(2^k pi x), cos(2^k pi x)] for k = 0 .. n_frequencies-1: ``(N, d) -> (N, d (2 n_frequencies + 1))``.

    Mildenhall et al. 2020 (arXiv:2003.08934), eq. 4, with the coordinates themselves kept as in the authors' code.
    """

    wavenumbers: Tensor

    def __init__(self, in_features: int, n_frequencies: int) -> None:
        super().__init__()
        self.out_features = in_features * (2 * n_frequencies + 1)
        self.register_buffer("wavenumbers", math.pi * 2.0 ** torch.arange(n_frequencies))

    def forward(self, x: Tensor) -> Tensor:
        """Encode coordinates ``(N, d)``."""
        phase = (x.unsqueeze(-1) * self.wavenumbers).flatten(1)
        return torch.cat((x, phase.sin(), phase.cos()), dim=1)


class FourierFeatures(Encoding):
    """[sin(2 pi B x), cos(2 pi B x)] with frozen B ~ N(0, sigma^2): ``(N, d) -> (N, 2 n_features)``.

    Tancik et al. 2020 (arXiv:2006.10739). B belongs to the state of the network.
    """

    B: Tensor

    def __init__(self, in_features: int, n_features: int, sigma: float) -> None:
        super().__init__()
        self.out_features = 2 * n_features
        self.register_buffer("B", sigma * torch.randn(n_features, in_features))

    def forward(self, x: Tensor) -> Tensor:
        """Encode coordinates ``(N, d)``."""
        phase = x @ (2 * math.pi * self.B).T
        return torch.cat((phase.sin(), phase.cos()), dim=1)
