"""Encodings of the input coordinates."""

import math

import torch
from torch import Tensor, nn


class Encoding(nn.Module):
    """A fixed map of coordinates, ``(N, in_features) -> (N, out_features)``."""

    out_features: int


class WaveEncoding(Encoding):
    """Waves of linear phases: ``copies`` elementwise functions of ``phase = x matrix^T + bias``, side by side.

    Said in this form so that derivatives by the coordinates can be carried through it.
    """

    copies: int

    @property
    def matrix(self) -> Tensor:
        """``(n_phases, in_features)``."""
        raise NotImplementedError

    @property
    def bias(self) -> Tensor | None:
        """``(n_phases,)``, or None."""
        return None

    def waves(self, phase: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the waves and their first and second derivatives by the phase, each ``(N, copies n_phases)``."""
        raise NotImplementedError


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


class FourierFeatures(WaveEncoding):
    """[sin(2 pi B x), cos(2 pi B x)] with frozen B ~ N(0, sigma^2): ``(N, d) -> (N, 2 n_features)``.

    Tancik et al. 2020 (arXiv:2006.10739). B belongs to the state of the network.
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
    """sin(2 pi (W x + b)) with trained W ~ N(0, sigma^2) and b = 0 at first: ``(N, d) -> (N, n_features)``.

    Wong, Ooi, Gupta, Ong 2022 (arXiv:2109.09338).
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
