"""H-SIREN: SIREN with sin(omega sinh(2 z)) in the first layer.

    y = sin(omega sinh(2 z)) in the first layer,   y = sin(omega z) in all others,   z = W x + b

Gao, Jaiman, "H-SIREN: Improving implicit neural representations with hyperbolic periodic functions", 2024, arXiv:2410.04716.
Its abstract states that only the first layer changes, from sin(x) to sin(sinh(2 x)). There is no public code of the authors.
omega is outside of sinh, as in most other implementations: inside, sinh(2 omega z) would overflow for omega = 30. omega = 30
and SIREN's initialisation are this project's choice.
"""

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import Sine, siren_init


class HyperbolicSine(nn.Module):
    """Compute sin(omega sinh(2 z)): ``(N, width) -> (N, width)``."""

    def __init__(self, omega: float) -> None:
        super().__init__()
        self.omega = omega

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations."""
        return torch.sin(self.omega * torch.sinh(2 * z))

    def derivatives(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the value, the first and the second derivative of the activation."""
        inner, slope = self.omega * torch.sinh(2 * z), 2 * self.omega * torch.cosh(2 * z)
        sine, cosine = inner.sin(), inner.cos()
        return sine, slope * cosine, 4 * inner * cosine - slope.square() * sine


@register_method(
    "h-siren",
    formula="sin(omega sinh(2 z)) in the first layer, then sin(omega z)",
    latex=r"\sin\left(\omega \sinh(2 z)\right) \text{ in the first layer, then } \sin(\omega z)",
    paper="gao2024hsiren",
    task_params={
        "audio": {"omega_first": 1500.0},  # near z = 0 the frequency is that of siren, 2 omega
        "audio:quick": {"omega_first": 500.0},
        "audio:standard": {"omega_first": 500.0},
    },
    search_ranges={"omega": (5.0, 120.0), "omega_first": (2.0, 6000.0)},
)
def h_siren(
    net: NetworkSpec,
    *,
    omega: float = 30.0,  # not published
    omega_first: float | None = None,
) -> nn.Module:
    """Build an H-SIREN.

    Args:
        net: Shape of the network.
        omega: Frequency of the activation.
        omega_first: Frequency in the first layer; None for ``omega``.
    """
    first = omega if omega_first is None else omega_first
    return CoordinateMLP(net, lambda i: Sine(omega) if i else HyperbolicSine(first), init=siren_init(omega))
