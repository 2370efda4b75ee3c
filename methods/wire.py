"""WIRE: the complex Gabor wavelet exp(i omega z - |scale z|^2).

    y = exp(i omega z - |scale z|^2),   z = W x + b complex from the second layer on; the output is the real part

Saragadam, LeJeune, Tan, Balakrishnan, Veeraraghavan, Baraniuk, "WIRE: Wavelet Implicit Neural Representations", CVPR 2023,
arXiv:2301.05187. As in the authors' code: the first layer's weights are real, the effective width is
floor(width / sqrt 2) so that the number of real parameters matches the other methods, the framework's default initialisation.

Deviations: complex numbers are two reals (the same formula; complex64 neither compiles to fused code nor works with
fused Adam), and the imaginary part of the output bias, which the authors store and never use, is left out.
"""

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import SplitComplexLinear


class RealInputGabor(nn.Module):
    """exp(i omega z - (scale z)^2) of a real z: ``(N, m) -> (N, 2 m)``, real parts first."""

    def __init__(self, omega: float, scale: float) -> None:
        super().__init__()
        self.omega, self.scale = omega, scale

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations."""
        envelope = torch.exp(-(self.scale * z).square())
        phase = self.omega * z
        return torch.cat((envelope * phase.cos(), envelope * phase.sin()), dim=-1)


class Gabor(nn.Module):
    """exp(i omega z - |scale z|^2) of a complex z: ``(N, 2 m) -> (N, 2 m)``, real parts first."""

    def __init__(self, omega: float, scale: float) -> None:
        super().__init__()
        self.omega, self.scale = omega, scale

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations. With z = a + i b: exp(-omega b - scale^2 (a^2 + b^2)) (cos(omega a) + i sin(omega a))."""
        a, b = z.chunk(2, dim=-1)
        envelope = torch.exp(-self.omega * b - self.scale**2 * (a.square() + b.square()))
        phase = self.omega * a
        return torch.cat((envelope * phase.cos(), envelope * phase.sin()), dim=-1)


class WireNetwork(nn.Module):
    """``(N, in_features) -> (N, out_features)``, complex inside."""

    def __init__(self, net: NetworkSpec, omega: float, scale: float) -> None:
        super().__init__()
        m = max(1, int(net.width / 2**0.5))
        self.layers = nn.Sequential(nn.Linear(net.in_features, m), RealInputGabor(omega, scale))
        for _ in range(net.n_layers - 1):
            self.layers.extend((SplitComplexLinear(m, m), Gabor(omega, scale)))
        self.layers.append(SplitComplexLinear(m, net.out_features, real_output=True))

    def forward(self, x: Tensor) -> Tensor:
        """Map coordinates to values."""
        return self.layers(x)


@register_method(
    "wire",
    formula="exp(i omega z - |scale z|^2), complex",
    paper="saragadam2023wire",
    settings={
        "image": {"omega": 20.0, "scale": 30.0},  # "for image representation", comment in wire_image_denoise.py
        "shape": {"omega": 10.0, "scale": 40.0},  # wire_occupancy.py
        "denoise": {"omega": 4.0, "scale": 4.0},  # wire_image_denoise.py
        "super-resolution": {"omega": 8.0, "scale": 6.0},  # wire_SISR.py
        "inpainting": {"omega": 20.0, "scale": 30.0},  # not published; as for an image
        "ct": {"omega": 10.0, "scale": 10.0},  # wire_ct.py, there for wire2d
    },
    native={
        # the authors' image scripts: 5e-3 falling by 0.1^(t/T), coordinates in [-1, 1]; wire_occupancy.py: by 0.2^(t/T)
        "image": {"lr": "5e-3", "lr_min": "5e-4", "schedule": "exponential", "coordinate_range": "(-1,1)"},
        "occupancy": {"lr": "5e-3", "lr_min": "1e-3", "schedule": "exponential"},
    },
    ranges={"omega": (5.0, 40.0), "scale": (2.0, 40.0)},
)
def wire(
    net: NetworkSpec,
    *,
    omega: float = 30.0,  # constructor default of the authors' code
    scale: float = 10.0,  # constructor default of the authors' code
) -> nn.Module:
    """Build a WIRE network."""
    return WireNetwork(net, omega, scale)
