"""Encodings of the input coordinates."""

import math

import torch
from torch import Tensor, nn


class Encoding(nn.Module):
    """A map of the coordinates before the first layer, ``(N, in_features) -> (N, out_features)``."""

    out_features: int


class WaveEncoding(Encoding):
    """Waves with linear phases: ``copies`` elementwise functions of ``phase = x matrix^T + bias``, concatenated.

    In this form, derivatives with respect to the coordinates can be propagated through the encoding.
    """

    copies: int

    @property
    def matrix(self) -> Tensor:
        """Matrix of the phases, ``(n_phases, in_features)``."""
        raise NotImplementedError

    @property
    def bias(self) -> Tensor | None:
        """Bias of the phases, ``(n_phases,)``, or None."""
        return None

    def waves(self, phase: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the waves and their first and second derivatives with respect to the phase, each ``(N, copies n_phases)``."""
        raise NotImplementedError


class PositionalEncoding(Encoding):
    """[x, sin(2^k pi x), cos(2^k pi x)] for k = 0 .. n_frequencies-1: ``(N, d) -> (N, d (2 n_frequencies + 1))``.

    Mildenhall et al. 2020 (arXiv:2003.08934), eq. 4, with the coordinates themselves included, as in the authors' code.
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


class FourierFeatures(WaveEncoding):
    """[sin(2 pi B x), cos(2 pi B x)] with frozen B ~ N(0, sigma^2): ``(N, d) -> (N, 2 n_features)``.

    Tancik et al. 2020 (arXiv:2006.10739). B is part of the network's state.

    Args:
        in_features: Coordinates of a point, d.
        n_features: Number of frequency vectors (rows of B).
        sigma: Standard deviation of the entries of B.
    """

    B: Tensor
    copies = 2

    def __init__(self, in_features: int, n_features: int, sigma: float) -> None:
        super().__init__()
        self.out_features = 2 * n_features
        self.register_buffer("B", sigma * torch.randn(n_features, in_features))

    def forward(self, x: Tensor) -> Tensor:
        """Encode coordinates ``(N, d)``."""
        phase = x @ self.matrix.T
        return torch.cat((phase.sin(), phase.cos()), dim=1)

    @property
    def matrix(self) -> Tensor:
        """2 pi B."""
        return 2 * math.pi * self.B

    def waves(self, phase: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return [sin, cos] and its derivatives."""
        sine, cosine = phase.sin(), phase.cos()
        value = torch.cat((sine, cosine), dim=1)
        return value, torch.cat((cosine, -sine), dim=1), -value


class SineFeatures(WaveEncoding):
    """sin(2 pi (W x + b)) with trained W and b, initially W ~ N(0, sigma^2) and b = 0: ``(N, d) -> (N, n_features)``.

    Wong, Ooi, Gupta, Ong 2022 (arXiv:2109.09338).

    Args:
        in_features: Coordinates of a point, d.
        n_features: Number of features.
        sigma: Standard deviation of the initial entries of W.
    """

    copies = 1

    def __init__(self, in_features: int, n_features: int, sigma: float) -> None:
        super().__init__()
        self.out_features = n_features
        self.weight = nn.Parameter(sigma * torch.randn(n_features, in_features))
        self.offset = nn.Parameter(torch.zeros(n_features))

    def forward(self, x: Tensor) -> Tensor:
        """Encode coordinates ``(N, d)``."""
        return torch.sin(x @ self.matrix.T + self.bias)

    @property
    def matrix(self) -> Tensor:
        """2 pi W."""
        return 2 * math.pi * self.weight

    @property
    def bias(self) -> Tensor:
        """2 pi b."""
        return 2 * math.pi * self.offset

    def waves(self, phase: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return sin and its derivatives."""
        sine = phase.sin()
        return sine, phase.cos(), -sine
