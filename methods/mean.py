"""mean: one constant for each channel. What a method must beat to have seen the signal at all.

    y = c

c is found in closed form: it is the best constant, whatever the learning rate and the budget.
"""

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import LinearModel


class Constant(LinearModel):
    """``(N, in_features) -> (N, out_features)``, the same everywhere."""

    def __init__(self, out_features: int) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(out_features))

    def forward(self, x: Tensor) -> Tensor:
        """Return the constant for each point."""
        return self.value.expand(len(x), -1)


@register_method("mean", formula="c", kinds=("function", "image", "video", "shape", "restoration", "ct", "audio"))
def mean(net: NetworkSpec) -> nn.Module:
    """Build the constant; the network's shape means nothing to it."""
    return Constant(net.out_features)
