"""gabor-real: a real Gabor wavelet with separate linear maps for wave and envelope.

    y = cos(omega (W_1 x + b_1)) exp(-(scale (W_2 x + b_2))^2)

``RealGaborLayer`` of the code of Saragadam et al., "WIRE: Wavelet Implicit Neural Representations", CVPR 2023,
arXiv:2301.05187: vishwa91/wire at bf95232, ``modules/wire.py``: omega = scale = 10, PyTorch's default initialisation, a real
output layer. The authors use the complex wavelet (method wire) in all their results; for the real one they publish no setting.
FINER and others call another layer, with one linear map, by the same name. The width is divided by the square root of 2, as
WIRE does for its complex layers, so that the number of parameters is that of the other methods.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method


class RealGaborLayer(nn.Module):
    """A layer with two linear maps: ``(N, in_features) -> (N, out_features)``.

    Args:
        in_features: Inputs.
        out_features: Outputs.
        omega: Frequency of the wave.
        scale: Inverse width of the envelope.
    """

    def __init__(self, in_features: int, out_features: int, omega: float, scale: float) -> None:
        super().__init__()
        self.wave, self.envelope = nn.Linear(in_features, out_features), nn.Linear(in_features, out_features)
        self.omega, self.scale = omega, scale

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        return torch.cos(self.omega * self.wave(x)) * torch.exp(-(self.scale * self.envelope(x)).square())


@register_method(
    "gabor-real",
    formula="cos(omega z_1) exp(-(scale z_2)^2), z_1 and z_2 with weights of their own",
    latex=r"\cos(\omega z_1)\, \exp\left(-(\mathrm{scale}\, z_2)^2\right)",
    paper="saragadam2023wire",
    task_params={
        "audio": {"omega_first": 3000.0},  # as wire
        "audio:quick": {"omega_first": 1000.0, "omega": 5.0, "scale": 5.0},
        "audio:standard": {"omega_first": 1000.0, "omega": 5.0, "scale": 5.0},
    },
    search_ranges={"omega": (2.0, 40.0), "omega_first": (2.0, 6000.0), "scale": (1.0, 40.0)},
)
def gabor_real(
    net: NetworkSpec,
    *,
    omega: float = 10.0,  # constructor default of the authors' code
    omega_first: float | None = None,
    scale: float = 10.0,  # constructor default of the authors' code
) -> nn.Module:
    """Build a network of real Gabor wavelets.

    Args:
        net: Shape of the network.
        omega: Frequency of the wave.
        omega_first: Frequency in the first layer; None for ``omega``.
        scale: Inverse width of the envelope.
    """
    first = omega if omega_first is None else omega_first
    width = max(1, int(net.width / math.sqrt(2)))
    sizes = [net.in_features, *[width] * net.n_layers]
    layers = [RealGaborLayer(m, n, omega if i else first, scale) for i, (m, n) in enumerate(pairwise(sizes))]
    return nn.Sequential(*layers, nn.Linear(width, net.out_features))
