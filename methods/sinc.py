"""sinc: sin(omega z) / (omega z).

    y = sin(omega z) / (omega z),   y(0) = 1,   z = W x + b

Saratchandran, Ramasinghe, Shevchenko, Long, Lucey, "A Sampling Theory Perspective on Activations for Implicit Neural
Representations", arXiv:2402.05427. The framework's default initialisation.

No official code or hyper-parameters were found. With omega = pi, which a re-implementation by others takes, the activation is
nearly constant over default-initialised pre-activations; omega = 16 is ours, and ``sinc[omega=8,16,32]`` shows what it does.

The quotient as it is written has no derivative at 0, and the framework's sinc no second one: near 0 it is a power series here.
"""

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method

NEAR = 0.25
"""Below it the series is exact to 3e-14, and its derivatives lose no digits."""


class Sinc(nn.Module):
    """sin(omega z) / (omega z): ``(N, width) -> (N, width)``."""

    def __init__(self, omega: float) -> None:
        super().__init__()
        self.omega = omega

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations. What ``where`` does not take must be finite too, or its gradient would not be."""
        t = self.omega * z
        near = t.abs() < NEAR
        far, s = torch.where(near, NEAR, t), torch.where(near, t, 0.0).square()
        series = 1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72)))
        return torch.where(near, series, far.sin() / far)


@register_method(
    "sinc", formula="sin(omega z) / (omega z)", paper="saratchandran2024sampling",
    # localised, so that siren's rule does not apply: ours, chosen on chord
    task_params={"audio": {"omega_first": 900.0, "omega": 30.0}, "audio:quick": {"omega_first": 300.0, "omega": 30.0}},
    search_ranges={"omega": (3.0, 64.0), "omega_first": (3.0, 3000.0)},
)  # fmt: skip
def sinc(
    net: NetworkSpec,
    *,
    omega: float = 16.0,  # not published
    omega_first: float | None = None,  # first layer only; none: omega
) -> nn.Module:
    """Build a sinc network."""
    first = omega if omega_first is None else omega_first
    return CoordinateMLP(net, lambda i: Sinc(omega if i else first))
