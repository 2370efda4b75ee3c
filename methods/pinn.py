"""pinn: the plain tanh MLP of physics-informed networks.

    y = tanh(z),   z = W x + b

Raissi, Perdikaris, Karniadakis, "Physics-informed neural networks", JCP 378, 2019. Xavier-normal weights and zero biases, as is
usual for this network.
"""

from torch import nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import xavier_init


@register_method(
    "pinn", formula="tanh(z)",
    latex=r"\tanh(z)", paper="raissi2019pinn",
    kinds=("pde",),
    known_failures={
        "pde": "it stays at the zero solution: a tanh network learns low frequencies first, and there are too few steps"
    },
)  # fmt: skip
def pinn(net: NetworkSpec) -> nn.Module:
    """Build a tanh network."""
    return CoordinateMLP(net, lambda i: nn.Tanh(), init=xavier_init)
