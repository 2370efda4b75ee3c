"""hosc: a sine that saturates, tanh(beta sin(omega z)).

    y = tanh(beta sin(omega z)),   z = W x + b

Serrano, Szymkowiak, Musialski, "HOSC: A Periodic Activation Function for Preserving Sharp Features in Implicit Neural
Representations", arXiv:2401.10967. For beta towards 0 it is a scaled sine; for large beta it approaches a square wave. Its
slope is at most beta omega. ``trainable`` gives AdaHOSC: one trained beta per layer.

There is no official code, and the abstracts give no initialisation. This project chose SIREN's weights, SIREN's omega = 30 and
beta = 1 (a third-party re-implementation uses beta = 8). Compare ``hosc[beta=1,8]``.
"""

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import siren_init


class SaturatedSine(nn.Module):
    """Compute tanh(beta sin(omega z)): ``(N, width) -> (N, width)``.

    Args:
        omega: Frequency of the sine.
        beta: Sharpness, or its initial value if it is trained.
        trainable: Train beta.
    """

    beta: Tensor

    def __init__(self, omega: float, beta: float, trainable: bool) -> None:
        super().__init__()
        self.omega = omega
        if trainable:
            self.beta = nn.Parameter(torch.tensor(beta))
        else:
            self.register_buffer("beta", torch.tensor(beta), persistent=False)

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations."""
        return torch.tanh(self.beta * torch.sin(self.omega * z))


@register_method(
    "hosc", formula="tanh(beta sin(omega z))",
    latex=r"\tanh\left(\beta \sin(\omega z)\right)",
    paper="serrano2024hosc",
    task_params={  # as siren
        "audio": {"omega_first": 3000.0},
        "audio:quick": {"omega_first": 1000.0},
        "audio:standard": {"omega_first": 1000.0},
    },
    search_ranges={"omega": (5.0, 120.0), "omega_first": (5.0, 6000.0), "beta": (0.5, 16.0)},
)  # fmt: skip
def hosc(
    net: NetworkSpec,
    *,
    omega: float = 30.0,  # SIREN's value; HOSC's is not published
    omega_first: float | None = None,
    beta: float = 1.0,  # not published
    trainable: bool = False,
) -> nn.Module:
    """Build a HOSC network.

    Args:
        net: Shape of the network.
        omega: Frequency of the sine.
        omega_first: Frequency of the sine in the first layer; None for ``omega``.
        beta: Sharpness of the activation, or its initial value if it is trained.
        trainable: Train one beta per layer (AdaHOSC).
    """
    first = omega if omega_first is None else omega_first
    return CoordinateMLP(net, lambda i: SaturatedSine(omega if i else first, beta, trainable), init=siren_init(omega))
