"""ReLU: max(z, 0), the plain MLP.

    y = max(z, 0),   z = W x + b

The framework's default initialisation, as in the baselines of WIRE and FINER (SIREN's repository uses Kaiming normal).
Its second derivative is zero.
"""

from torch import nn

from inrbench import CoordinateMLP, NetworkSpec, register_method


@register_method("relu", formula="max(z, 0)")
def relu(net: NetworkSpec) -> nn.Module:
    """Build a ReLU network."""
    return CoordinateMLP(net, lambda i: nn.ReLU())
