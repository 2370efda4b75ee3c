"""pinn: the plain tanh MLP of physics-informed networks.

    y = tanh(z),   z = W x + b

Raissi, Perdikaris, Karniadakis, "Physics-informed neural networks", JCP 378, 2019. Xavier-normal weights, biases zero, as is
usual for it.
"""

from collections.abc import Sequence

import torch
from torch import nn

from inrbench import CoordinateMLP, NetworkSpec, register_method


@torch.no_grad()
def xavier(layers: Sequence[nn.Linear]) -> None:
    """Fill linear layers: Xavier-normal weights, biases zero."""
    for layer in layers:
        nn.init.xavier_normal_(layer.weight)
        nn.init.zeros_(layer.bias)


@register_method("pinn", formula="tanh(z)", paper="raissi2019pinn", kinds=("pde",))
def pinn(net: NetworkSpec) -> nn.Module:
    """Build a tanh network."""
    return CoordinateMLP(net, lambda i: nn.Tanh(), init=xavier)
