"""Complex arithmetic on real tensors: a complex vector of m channels is stored as 2m reals, [real, imaginary].

Complex dtypes are not compiled to fused code and do not work with the fused optimisers. The mathematics is the same.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


class SplitComplexLinear(nn.Module):
    """z -> W z + b with complex W and b: ``(N, 2 in_features) -> (N, 2 out_features)``, by three real matrix products.

    The real and imaginary parts of W and b are each drawn from U(+-1/sqrt(in_features)), as in the framework's ``nn.Linear``
    with a complex dtype.

    Args:
        in_features: Complex input channels.
        out_features: Complex output channels, or real ones with ``real_output``.
        real_output: Compute only Re(W z + b), ``(N, 2 in_features) -> (N, out_features)``. The imaginary part of b then has
            no effect and is not stored.
    """

    def __init__(self, in_features: int, out_features: int, real_output: bool = False) -> None:
        super().__init__()
        self.real_output = real_output
        self.weight_real = nn.Parameter(torch.empty(out_features, in_features))
        self.weight_imag = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.empty(out_features if real_output else 2 * out_features))
        bound = in_features**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, z: Tensor) -> Tensor:
        """Apply to ``(N, 2 in_features)``."""
        if self.real_output:  # the bias is added within the product: otherwise the last digits of stored results would change
            x, y = z.chunk(2, dim=-1)
            return linear(x, self.weight_real, self.bias) - linear(y, self.weight_imag)
        return self.product(z) + self.bias

    def product(self, z: Tensor) -> Tensor:
        """Return W z, or Re(W z) with ``real_output``, without the bias.

        With z = x + i y and W = A + i B, Gauss's formula takes a quarter less work than four products:

        Re W z = A (x + y) - (A + B) y,   Im W z = A (x + y) + (B - A) x
        """
        A, B = self.weight_real, self.weight_imag
        x, y = z.chunk(2, dim=-1)
        if self.real_output:
            return linear(x, A) - linear(y, B)
        common = linear(x + y, A)
        return torch.cat((common - linear(y, A + B), common + linear(x, B - A)), dim=-1)
