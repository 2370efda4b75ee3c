"""rowdy: tanh with trained sines beside it.

    y = tanh(z) + sum_k a_k sin((k - 1) n x_k z),   k = 2 .. K,   z = W x + b,   a_k and x_k trained, shared by a layer

Jagtap, Shin, Kawaguchi, Karniadakis, "Deep Kronecker neural networks: A general framework for neural networks with adaptive
activation functions", Neurocomputing 468, 2022, in the form of the MSA repository's copy: K = 5, n = 10, a_k = 0 and x_k = 1 at
first, so that it starts as tanh; 2 (K - 1) parameters a layer; the framework's default initialisation. (The authors' own code
also scales z within tanh and has nine terms.)
"""

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method


class Rowdy(nn.Module):
    """tanh(z) + sum_k a_k sin((k - 1) n x_k z): ``(N, width) -> (N, width)``."""

    def __init__(self, terms: int, n: float) -> None:
        super().__init__()
        self.n = n
        self.a = nn.Parameter(torch.zeros(terms - 1))
        self.x = nn.Parameter(torch.ones(terms - 1))

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations, one term after the other: all at once would be K times the memory."""
        y = torch.tanh(z)
        for k, (a, x) in enumerate(zip(self.a, self.x, strict=True), start=1):
            y = y + a * torch.sin(k * self.n * x * z)
        return y


@register_method(
    "rowdy", formula="tanh(z) + sum_k a_k sin((k - 1) n x_k z), trained", paper="jagtap2022rowdy",
    known_failures={"audio": "it begins as tanh, whose first layer is far too slow for sound on [-1, 1]"},
)  # fmt: skip
def rowdy(
    net: NetworkSpec,
    *,
    terms: int = 5,  # K of the MSA repository's copy
    n: float = 10.0,  # same
) -> nn.Module:
    """Build a network with Rowdy activations."""
    return CoordinateMLP(net, lambda i: Rowdy(terms, n))
