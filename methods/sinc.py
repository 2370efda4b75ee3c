"""sinc: sin(omega z) / (omega z).

    y = sin(omega z) / (omega z),   y(0) = 1,   z = W x + b

Saratchandran, Ramasinghe, Shevchenko, Long, Lucey, "A Sampling Theory Perspective on Activations for Implicit Neural
Representations", arXiv:2402.05427. PyTorch's default initialisation is used.

No official code or hyper-parameters were found. With omega = pi, as in a third-party re-implementation, the activation is
nearly constant over default-initialised pre-activations. omega = 16 was chosen for this project; ``sinc[omega=8,16,32]`` shows
its effect.

The quotient as written has no derivative at 0, and PyTorch's sinc has no second derivative there. Near 0 this implementation
uses a power series instead.
"""

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method

NEAR = 0.25
"""Below it the series is exact to 3e-14, and its derivatives lose no digits."""


class Sinc(nn.Module):
    """Compute sin(omega z) / (omega z): ``(N, width) -> (N, width)``."""

    def __init__(self, omega: float) -> None:
        super().__init__()
        self.omega = omega

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations.

        The branch that ``where`` does not select must be finite too, or the gradient would not be finite.
        """
        t = self.omega * z
        near = t.abs() < NEAR
        far, s = torch.where(near, NEAR, t), torch.where(near, t, 0.0).square()
        series = 1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72)))
        return torch.where(near, series, far.sin() / far)


@register_method(
    "sinc", formula="sin(omega z) / (omega z)",
    latex=r"\frac{\sin(\omega z)}{\omega z}",
    paper="saratchandran2024sampling",
    # siren's rule does not apply to a localised activation; chosen for this project on chord
    task_params={
        "audio": {"omega_first": 900.0, "omega": 30.0},
        "audio:quick": {"omega_first": 300.0, "omega": 30.0},
        "audio:standard": {"omega_first": 300.0, "omega": 30.0},
    },
    search_ranges={"omega": (3.0, 64.0), "omega_first": (3.0, 3000.0)},
)  # fmt: skip
def sinc(
    net: NetworkSpec,
    *,
    omega: float = 16.0,  # not published
    omega_first: float | None = None,
) -> nn.Module:
    """Build a sinc network.

    Args:
        net: Shape of the network.
        omega: Frequency of the activation.
        omega_first: Frequency of the activation in the first layer; None for ``omega``.
    """
    first = omega if omega_first is None else omega_first
    return CoordinateMLP(net, lambda i: Sinc(omega if i else first))
