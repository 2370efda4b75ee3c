"""incode-lite: a sine with four trained numbers for the whole network. Not INCODE: its harmoniser is left out.

    y = exp(a) sin(exp(b) omega z + c) + d,   z = W x + b,   a, b, c, d trained, shared by all layers

After Kazerouni, Azad, Hosseini, Merhof, Bagci, "INCODE: Implicit Neural Conditioning with Prior Knowledge Embeddings", WACV
2024, arXiv:2310.18846. There, a, b, c, d come from a network (a truncated ResNet and an MLP) that takes the *true signal* as
input in every step. Here they are four free numbers, because in a fair comparison a method may use the true signal only through
its loss. They start at 0.312, the bias that the authors' code gives the harmoniser's output. The loss has
the authors' four penalties, 0.1993 relu(-a) + 0.0196 relu(-b) + 0.0588 relu(-c) + 0.0269 relu(-d). The weights are initialised
as in SIREN.
"""

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import siren_init

START = 0.312
PENALTIES = (0.1993, 0.0196, 0.0588, 0.0269)


class ComposedSine(nn.Module):
    """Compute exp(a) sin(exp(b) omega z + c) + d: ``(N, width) -> (N, width)``.

    ``abcd`` belongs to the network: all layers share it.
    """

    def __init__(self, omega: float, abcd: nn.Parameter) -> None:
        super().__init__()
        self.omega = omega
        self.abcd = abcd

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations."""
        a, b, c, d = self.abcd
        return a.exp() * torch.sin(b.exp() * self.omega * z + c) + d


class IncodeLite(CoordinateMLP):
    """An MLP that adds the penalties to its loss."""

    def penalty(self) -> Tensor:
        """Return the term that is added to the loss."""
        a, b, c, d = self.activations[0].get_parameter("abcd")
        return sum(
            (weight * torch.relu(-each) for weight, each in zip(PENALTIES, (a, b, c, d), strict=True)), torch.zeros_like(a)
        )


@register_method(
    "incode-lite", formula="exp(a) sin(exp(b) omega z + c) + d, four numbers trained",
    latex=r"e^{a} \sin\left(e^{b} \omega z + c\right) + d, \quad a, b, c, d \text{ trained}",
    paper="kazerouni2024incode",
    task_params={
        "audio": {"omega_first": 3000.0},  # the authors' audio notebook: 3000 / 30
        "audio:quick": {"omega_first": 1000.0},  # as siren
        "audio:standard": {"omega_first": 1000.0},  # as quick
    },
    search_ranges={"omega": (5.0, 60.0), "omega_first": (5.0, 6000.0)},
)  # fmt: skip
def incode_lite(
    net: NetworkSpec,
    *,
    omega: float = 30.0,  # the authors' notebooks
    omega_first: float | None = None,
) -> nn.Module:
    """Build a network of composed sines.

    Args:
        net: Shape of the network.
        omega: Frequency of the sine.
        omega_first: Frequency of the sine in the first layer; None for ``omega``.
    """
    first = omega if omega_first is None else omega_first
    abcd = nn.Parameter(torch.full((4,), START))
    return IncodeLite(net, lambda i: ComposedSine(omega if i else first, abcd), init=siren_init(omega))
