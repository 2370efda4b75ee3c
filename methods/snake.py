"""Snake: z + sin^2(a z) / a with a trained a for each neuron.

    y = z + sin^2(a z) / a,   z = W x + b

Ziyin, Hartwig, Ueda, "Neural Networks Fail to Learn Periodic Functions and How to Fix It", NeurIPS 2020, arXiv:2006.08195.
Code of the authors: AdenosHermes/NeurIPS_2020_Snake at 09b87ad: PyTorch's default initialisation; a is fixed at 20 or 30, or
random for each neuron. The paper is not about coordinate networks and has no setting for them. The start value 15, at which
the wave has SIREN's frequency of 30, is this project's choice; a is trained, as the paper suggests.
"""

import math

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method


class Snake(nn.Module):
    """Compute z + sin^2(a z) / a: ``(N, width) -> (N, width)``.

    Args:
        width: Number of neurons.
        a: Start value of a.
    """

    def __init__(self, width: int, a: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.full((width,), a))

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations. It is written without a division by a, which may become 0."""
        return z + self.a * (z * torch.sinc(self.a * z / math.pi)).square()


@register_method(
    "snake",
    formula="z + sin^2(a z) / a, a trained",
    latex=r"z + \frac{\sin^2(a z)}{a}, \quad a \text{ trained}",
    paper="ziyin2020snake",
    task_params={
        "audio": {"a_first": 1500.0},  # as siren: the wave's frequency is 2 a
        "audio:quick": {"a_first": 500.0},
        "audio:standard": {"a_first": 500.0},
    },
    search_ranges={"a": (1.0, 60.0), "a_first": (1.0, 3000.0)},
)
def snake(
    net: NetworkSpec,
    *,
    a: float = 15.0,  # not published for coordinate networks
    a_first: float | None = None,
) -> nn.Module:
    """Build a Snake network.

    Args:
        net: Shape of the network.
        a: Start value of a.
        a_first: Start value of a in the first layer; None for ``a``.
    """
    first = a if a_first is None else a_first
    return CoordinateMLP(net, lambda i: Snake(net.width, a if i else first))
