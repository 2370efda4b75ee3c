"""mean: one constant per channel, the baseline that every trained method must beat.

    y = c

c is the best constant, found in closed form. It does not depend on the learning rate or the training budget.
"""

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import LinearModel


class Constant(LinearModel):
    """Return the same value everywhere: ``(N, in_features) -> (N, out_features)``."""

    def __init__(self, out_features: int) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(out_features))

    def forward(self, x: Tensor) -> Tensor:
        """Return the constant for each point."""
        return self.value.expand(len(x), -1)


@register_method(
    "mean",
    formula="c",
    latex=r"y = c",
    kinds=("function", "image", "video", "volume", "shape", "restoration", "ct", "audio"),
    closed_form=True,
)
def mean(net: NetworkSpec) -> nn.Module:
    """Build the constant; only the number of outputs of the network's shape is used."""
    return Constant(net.out_features)
