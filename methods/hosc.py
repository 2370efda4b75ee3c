"""hosc: a sine that saturates, tanh(beta sin(omega z)).

    y = tanh(beta sin(omega z)),   z = W x + b

Serrano, Szymkowiak, Musialski, "HOSC: A Periodic Activation Function for Preserving Sharp Features in Implicit Neural
Representations", arXiv:2401.10967. As beta goes to 0 it is a scaled sine, as beta grows a square wave; beta omega bounds its
slope. ``trainable`` is AdaHOSC: one trained beta a layer.

There is no official code and the abstracts give no initialisation: weights as in SIREN, omega = 30 as there, and beta = 1 are
ours (a re-implementation by others takes beta = 8). Compare ``hosc[beta=1,8]``.
"""

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import siren_init


class SaturatedSine(nn.Module):
    """tanh(beta sin(omega z)): ``(N, width) -> (N, width)``."""

    beta: Tensor

    def __init__(self, omega: float, beta: float, trainable: bool) -> None:
        super().__init__()
        self.omega = omega
        if trainable:
            self.beta = nn.Parameter(torch.tensor(beta))
        else:
            self.register_buffer("beta", torch.tensor(beta), persistent=False)

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations."""
        return torch.tanh(self.beta * torch.sin(self.omega * z))


@register_method(
    "hosc", formula="tanh(beta sin(omega z))", paper="serrano2024hosc",
    task_params={"audio": {"omega_first": 3000.0}, "audio:quick": {"omega_first": 1000.0}},  # as siren
    search_ranges={"omega": (5.0, 120.0), "omega_first": (5.0, 6000.0), "beta": (0.5, 16.0)},
)  # fmt: skip
def hosc(
    net: NetworkSpec,
    *,
    omega: float = 30.0,  # SIREN's; not published
    omega_first: float | None = None,  # first layer only; none: omega
    beta: float = 1.0,  # not published
    trainable: bool = False,
) -> nn.Module:
    """Build a HOSC network."""
    first = omega if omega_first is None else omega_first
    return CoordinateMLP(net, lambda i: SaturatedSine(omega if i else first, beta, trainable), init=siren_init(omega))
