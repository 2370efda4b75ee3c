"""SPDER: sin(v) sqrt(|v|), a sine whose amplitude grows with its argument.

    y = sin(v) sqrt(|v|),   v = omega (W x + b)

Shah, Sitawarin, "SPDER: Semiperiodic Damping-Enabled Object Representation", ICLR 2024, arXiv:2306.15242. Code of the authors:
katop1234/SPDER at 763aaed, ``SPDER_image_batched.py``: omega = 30 inside both factors, in all layers, and SIREN's
initialisation. Their audio scripts have arctan(v) in place of sqrt(|v|), and coordinates in [-100, 100]. |v| is at least 1e-30
in the root, whose derivative at 0 would be infinite. The second derivative is unbounded near 0.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import siren_init

Damping = Literal["sqrt", "arctan"]
SMALLEST = 1e-30


class DampedSine(nn.Module):
    """Compute sin(v) sqrt(|v|) or sin(v) arctan(v), v = omega z: ``(N, width) -> (N, width)``."""

    def __init__(self, omega: float, damping: Damping) -> None:
        super().__init__()
        self.omega, self.damping = omega, damping

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations."""
        v = self.omega * z
        factor = v.abs().clamp(min=SMALLEST).sqrt() if self.damping == "sqrt" else v.arctan()
        return torch.sin(v) * factor


@register_method(
    "spder",
    formula="sin(v) sqrt(|v|), v = omega z",
    latex=r"\sin(\omega z) \sqrt{\lvert \omega z \rvert}",
    paper="shah2024spder",
    kinds=("function", "image", "video", "volume", "shape", "restoration", "ct", "audio", "radiance"),
    task_params={
        "audio": {"omega_first": 3000.0, "damping": "arctan"},  # SPDER_audio.py: coordinates in [-100, 100], omega 30
        "audio:quick": {"omega_first": 1000.0, "damping": "arctan"},  # omega_first as siren
        "audio:standard": {"omega_first": 1000.0, "damping": "arctan"},
    },
    authors={
        # SPDER_image_batched.py: Adam 1e-4, no schedule, all pixels, coordinates and values in [-1, 1]
        "image": {
            "lr": "1e-4",
            "lr_min": "1e-4",
            "schedule": "constant",
            "batch": "none",
            "coordinate_range": "(-1,1)",
            "value_range": "[-1, 1]",
        },
        "audio": {"lr": "5e-5", "lr_min": "5e-5", "schedule": "constant", "batch": "none"},  # SPDER_audio.py
    },
    search_ranges={"omega": (5.0, 120.0), "omega_first": (5.0, 6000.0)},
)
def spder(
    net: NetworkSpec,
    *,
    omega: float = 30.0,  # the authors' code
    omega_first: float | None = None,
    damping: Damping = "sqrt",
) -> nn.Module:
    """Build a SPDER network.

    Args:
        net: Shape of the network.
        omega: Frequency of the activation.
        omega_first: Frequency in the first layer; None for ``omega``.
        damping: The second factor: ``sqrt`` or ``arctan``.
    """
    first = omega if omega_first is None else omega_first
    return CoordinateMLP(net, lambda i: DampedSine(omega if i else first, damping), init=siren_init(omega))
