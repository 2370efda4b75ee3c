"""rowdy: tanh plus trained sines.

    y = tanh(z) + sum_k a_k sin((k - 1) n x_k z),   k = 2 .. K,   z = W x + b,   a_k and x_k trained, shared within a layer

Jagtap, Shin, Kawaguchi, Karniadakis, "Deep Kronecker neural networks: A general framework for neural networks with adaptive
activation functions", Neurocomputing 468, 2022. This is the form of the MSA repository's copy: K = 5 and n = 10. a_k starts at
0 and x_k at 1, so that the activation starts as tanh. There are 2 (K - 1) such parameters per layer. PyTorch's default
initialisation is used. (The authors' own code also scales z within tanh and has nine terms.)
"""

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method


class Rowdy(nn.Module):
    """Compute tanh(z) + sum_k a_k sin((k - 1) n x_k z): ``(N, width) -> (N, width)``."""

    def __init__(self, terms: int, n: float) -> None:
        super().__init__()
        self.n = n
        self.a = nn.Parameter(torch.zeros(terms - 1))
        self.x = nn.Parameter(torch.ones(terms - 1))

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations, one term at a time: all terms at once would need K times the memory."""
        y = torch.tanh(z)
        for k, (a, x) in enumerate(zip(self.a, self.x, strict=True), start=1):
            y = y + a * torch.sin(k * self.n * x * z)
        return y


@register_method(
    "rowdy", formula="tanh(z) + sum_k a_k sin((k - 1) n x_k z), trained",
    latex=r"\tanh(z) + \sum_k a_k \sin\left((k - 1)\, n x_k z\right)",
    paper="jagtap2022rowdy",
    known_failures={"audio": "it starts as tanh, and its first layer varies far too slowly for sound on [-1, 1]"},
    search_ranges={"n": (1.0, 30.0)},
)  # fmt: skip
def rowdy(
    net: NetworkSpec,
    *,
    terms: int = 5,  # K of the MSA repository's copy
    n: float = 10.0,  # n of the MSA repository's copy
) -> nn.Module:
    """Build a network with Rowdy activations.

    Args:
        net: Shape of the network.
        terms: K; the activation has K - 1 sines.
        n: Factor of the frequencies.
    """
    return CoordinateMLP(net, lambda i: Rowdy(terms, n))
