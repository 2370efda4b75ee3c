"""cheby-kan: a Kolmogorov-Arnold network with Chebyshev polynomials.

    y = sum over i and k of C_ik T_k(tanh x_i),   k = 0 .. degree

with layer normalisation between the layers. Code: SynodicMonth/ChebyKAN at 5f7efdd, ``ChebyKANLayer.py``: coefficients ~ N(0,
(1 / (in (degree + 1)))^2), no bias; its README advises layer normalisation between layers. There is no paper of its author;
the paper of Kolmogorov-Arnold networks is Liu et al., ICLR 2025, arXiv:2404.19756. The degree 4 is that of its first example.
The hidden layers are as wide as fits in the parameters of an MLP of ``width``.
"""

from itertools import pairwise

from torch import nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import ChebyshevLayer, largest_width, parameters_of_mlp


@register_method(
    "cheby-kan",
    formula="sum of C_iok T_k(tanh x_i), with layer normalisation",
    latex=r"y_o = \sum_{i,k} C_{iok}\, T_k(\tanh x_i)",
    paper="liu2025kan",
    kinds=("function", "image", "video", "volume", "shape", "restoration", "ct", "audio", "radiance"),
)
def cheby_kan(
    net: NetworkSpec,
    *,
    degree: int = 4,  # first example of the code
) -> nn.Module:
    """Build a Chebyshev KAN.

    Args:
        net: Shape of the network.
        degree: Highest degree of the polynomials.
    """

    def sizes(width: int) -> list[int]:
        return [net.in_features, *[width] * net.n_layers, net.out_features]

    def count(width: int) -> int:
        return sum(m * n * (degree + 1) for m, n in pairwise(sizes(width))) + 2 * width * net.n_layers

    width = largest_width(count, parameters_of_mlp(net))
    layers: list[nn.Module] = []
    for m, n in pairwise(sizes(width)):
        layer = ChebyshevLayer(m, n, degree)
        nn.init.normal_(layer.coefficients, std=1 / (m * (degree + 1)))
        layers += [layer, nn.LayerNorm(n)]
    return nn.Sequential(*layers[:-1])
