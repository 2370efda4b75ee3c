"""Activations that several methods use. All map ``(N, width) -> (N, width)`` unless stated otherwise."""

from typing import Literal

import torch
from torch import Tensor, nn

from inrbench.errors import BadValue

Spacing = Literal["log", "linear", "random"]


class Sine(nn.Module):
    """sin(omega z): ``(N, width) -> (N, width)``."""

    def __init__(self, omega: float) -> None:
        super().__init__()
        self.omega = omega

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations."""
        return torch.sin(self.omega * z)


class RealInputGabor(nn.Module):
    """exp(i omega z - (scale z)^2) for real z: ``(N, m) -> (N, 2 m)``, real parts first."""

    def __init__(self, omega: float, scale: float) -> None:
        super().__init__()
        self.omega, self.scale = omega, scale

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations."""
        envelope = torch.exp(-(self.scale * z).square())
        phase = self.omega * z
        return torch.cat((envelope * phase.cos(), envelope * phase.sin()), dim=-1)


class Gabor(nn.Module):
    """exp(i omega z - |scale z|^2) for complex z: ``(N, 2 m) -> (N, 2 m)``, real parts first."""

    def __init__(self, omega: float, scale: float) -> None:
        super().__init__()
        self.omega, self.scale = omega, scale

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations.

        With z = a + i b, the result is exp(-omega b - scale^2 (a^2 + b^2)) (cos(omega a) + i sin(omega a)).
        """
        a, b = z.chunk(2, dim=-1)
        envelope = torch.exp(-self.omega * b - self.scale**2 * (a.square() + b.square()))
        phase = self.omega * a
        return torch.cat((envelope * phase.cos(), envelope * phase.sin()), dim=-1)


class MultiScaleSine(nn.Module):
    """sin(w_i z_i) / w_i, or sin(w_i z_i) without amplitude modulation: ``(N, width) -> (N, width)``.

    Args:
        width: Number of channels.
        s_min: log10 of the lowest frequency w_i.
        s_max: log10 of the highest frequency w_i.
        spacing: Distribution of the frequencies: evenly spaced in ``log`` or in ``linear`` scale, or ``random`` (uniform).
        amplitude: Whether to use amplitude modulation.
    """

    frequencies: Tensor
    amplitudes: Tensor

    def __init__(self, width: int, s_min: float, s_max: float, spacing: Spacing, amplitude: bool) -> None:
        super().__init__()
        low, high = 10.0**s_min, 10.0**s_max
        if spacing == "log":
            frequencies = torch.logspace(s_min, s_max, width)
        elif spacing == "linear":
            frequencies = torch.linspace(low, high, width)
        else:
            frequencies = low + (high - low) * torch.rand(width)
        self.register_buffer("frequencies", frequencies)
        amplitudes = 1 / frequencies if amplitude else torch.ones(width)
        self.register_buffer("amplitudes", amplitudes, persistent=False)  # computed from the frequencies

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations."""
        return self.amplitudes * torch.sin(self.frequencies * z)


def per_layer(name: str, value: float | tuple[float, ...], n_layers: int) -> tuple[float, ...]:
    """Return one value for each nonlinear layer.

    Args:
        name: Name of the parameter, for the error message.
        value: One number for all layers, or one number per layer.
        n_layers: Number of nonlinear layers.

    Raises:
        BadValue: The number of values is not ``n_layers``.
    """
    if isinstance(value, float | int):
        return (float(value),) * n_layers
    if len(value) != n_layers:
        raise BadValue(f"{name}={value}: {len(value)} values for a network of {n_layers} nonlinear layers")
    return value
