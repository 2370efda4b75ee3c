"""SIREN: sin(omega z).

    y = sin(omega z),   z = W x + b

Sitzmann, Martel, Bergman, Lindell, Wetzstein, "Implicit Neural Representations with Periodic Activation Functions",
NeurIPS 2020, arXiv:2006.09661, section 3.2. omega = 30 in every layer, the authors' initialisation, biases left at the
framework's default as in the authors' code (the MSA repository's copy of SIREN sets them to zero).
"""

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import siren_init


class Sine(nn.Module):
    """sin(omega z): ``(N, width) -> (N, width)``."""

    def __init__(self, omega: float) -> None:
        super().__init__()
        self.omega = omega

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations."""
        return torch.sin(self.omega * z)


@register_method(
    "siren",
    formula="sin(omega z)",
    paper="sitzmann2020siren",
    settings={"audio": {"omega_first": 3000.0}},  # train_audio.py: coordinates in [-100, 100] and 30
    native={
        # experiment_scripts/train_img.py and train_video.py: 1e-4, no schedule, coordinates in [-1, 1]
        "image": {"lr": "1e-4", "lr_min": "1e-4", "schedule": "constant", "coordinate_range": "(-1,1)"},
        "video": {"lr": "1e-4", "lr_min": "1e-4", "schedule": "constant", "coordinate_range": "(-1,1)"},
        "shape": {"lr": "1e-4", "lr_min": "1e-4", "schedule": "constant"},  # train_sdf.py
    },
    ranges={"omega": (5.0, 120.0)},
)
def siren(
    net: NetworkSpec,
    *,
    omega: float = 30.0,  # section 3.2
    omega_first: float | None = None,  # first layer only; none: omega. Audio uses 3000
) -> nn.Module:
    """Build a SIREN."""
    first = omega if omega_first is None else omega_first
    return CoordinateMLP(net, lambda i: Sine(first if i == 0 else omega), init=siren_init(omega))
