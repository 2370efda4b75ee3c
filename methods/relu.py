"""ReLU: max(z, 0), the plain MLP.

    y = max(z, 0),   z = W x + b

PyTorch's default initialisation, as in the baselines of WIRE and FINER (SIREN's repository uses Kaiming normal).
The second derivative is zero.
"""

from torch import nn

from inrbench import CoordinateMLP, NetworkSpec, register_method


@register_method(
    "relu", formula="max(z, 0)",
    latex=r"\max(z, 0)",
    known_failures={
        "audio": "a plain ReLU network learns low frequencies first, and audio signals have none that are low enough",
        "shape": "a plain ReLU network is still too smooth for a thin sheet after so few epochs",
    },
)  # fmt: skip
def relu(net: NetworkSpec) -> nn.Module:
    """Build a ReLU network."""
    return CoordinateMLP(net, lambda i: nn.ReLU())
