"""wire2d: WIRE with an envelope in two directions, exp(i omega z - scale^2 (|z|^2 + |v|^2)).

    y = exp(i omega z - scale^2 (|z|^2 + |v|^2)),   z = W x + b and v = V x + c, complex from the second layer on; the output is
    the real part

Saragadam, LeJeune, Tan, Balakrishnan, Veeraraghavan, Baraniuk, "WIRE: Wavelet Implicit Neural Representations", CVPR 2023,
arXiv:2301.05187, the 2-D wavelets of the authors' ``wire2d.py``. As there, the weights of the first layer are real, the
effective width is floor(width / 2) so that the number of real parameters matches the other methods, and the initialisation is
PyTorch's default. The deviations are those of ``wire``: two reals for a complex number, and no imaginary part of the output
bias.
"""

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import SplitComplexLinear


class RealInputGabor2d(nn.Module):
    """Compute exp(i omega z - scale^2 (z^2 + v^2)) of real z and v: ``(N, d) -> (N, 2 m)``, real parts first.

    Args:
        in_features: d, the number of coordinates.
        m: Number of complex channels.
        omega: Frequency of the wave.
        scale: Scale of the Gaussian envelope.
    """

    def __init__(self, in_features: int, m: int, omega: float, scale: float) -> None:
        super().__init__()
        self.omega, self.scale = omega, scale
        self.wave, self.across = nn.Linear(in_features, m), nn.Linear(in_features, m)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to coordinates."""
        z, v = self.wave(x), self.across(x)
        envelope = torch.exp(-(self.scale**2) * (z.square() + v.square()))
        return torch.cat((envelope * torch.cos(self.omega * z), envelope * torch.sin(self.omega * z)), dim=-1)


class Gabor2d(nn.Module):
    """Compute exp(i omega z - scale^2 (|z|^2 + |v|^2)) of complex z and v: ``(N, 2 m) -> (N, 2 m)``, real parts first.

    Args:
        m: Number of complex channels.
        omega: Frequency of the wave.
        scale: Scale of the Gaussian envelope.
    """

    def __init__(self, m: int, omega: float, scale: float) -> None:
        super().__init__()
        self.omega, self.scale = omega, scale
        self.wave, self.across = SplitComplexLinear(m, m), SplitComplexLinear(m, m)

    def forward(self, y: Tensor) -> Tensor:
        """Apply the layer to the output of the previous layer.

        With z = a + i b: |z|^2 = a^2 + b^2 and exp(i omega z) = exp(-omega b) exp(i omega a).
        """
        z, v = self.wave(y), self.across(y)
        a, b = z.chunk(2, dim=-1)
        length = z.square() + v.square()
        half = length.shape[-1] // 2
        envelope = torch.exp(-self.omega * b - self.scale**2 * (length[..., :half] + length[..., half:]))
        return torch.cat((envelope * torch.cos(self.omega * a), envelope * torch.sin(self.omega * a)), dim=-1)


@register_method(
    "wire2d", formula="exp(i omega z - scale^2 (|z|^2 + |v|^2)), complex",
    latex=r"\exp\left(i \omega z - \mathrm{scale}^2 (\lvert z \rvert^2 + \lvert v \rvert^2)\right), \quad z, v \in \mathbb{C}",
    paper="saragadam2023wire",
    task_params={
        "audio": {"omega_first": 3000.0},  # as wire
        "audio:quick": {"omega_first": 1000.0, "omega": 5.0, "scale": 5.0},
        "audio:standard": {"omega_first": 1000.0, "omega": 5.0, "scale": 5.0},
    },
    authors={
        # the authors' image scripts: lr 5e-3 times 0.1^(t/T), at most 65,536 pixels per step, coordinates in [-1, 1]
        "image": {
            "lr": "5e-3", "lr_min": "5e-4", "schedule": "exponential", "batch": "65536", "coordinate_range": "(-1,1)",
        },
        "ct": {"lr": "5e-3", "lr_min": "5e-4", "schedule": "exponential"},  # wire_ct.py
    },
    search_ranges={"omega": (2.0, 40.0), "omega_first": (2.0, 6000.0), "scale": (2.0, 40.0)},
)  # fmt: skip
def wire2d(
    net: NetworkSpec,
    *,
    omega: float = 10.0,  # constructor default of the authors' code
    omega_first: float | None = None,
    scale: float = 10.0,  # constructor default of the authors' code
) -> nn.Module:
    """Build a WIRE network of 2-D wavelets.

    Args:
        net: Shape of the network.
        omega: Frequency of the activation.
        omega_first: Frequency of the activation in the first layer; None for ``omega``.
        scale: Scale of the Gaussian envelope.
    """
    m = max(1, net.width // 2)
    return nn.Sequential(
        RealInputGabor2d(net.in_features, m, omega if omega_first is None else omega_first, scale),
        *(Gabor2d(m, omega, scale) for _ in range(net.n_layers - 1)),
        SplitComplexLinear(m, net.out_features, real_output=True),
    )
