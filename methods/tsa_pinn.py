"""tsa-pinn: a sine and a cosine with a trained frequency for each neuron.

    y = (sin(f z) + cos(f z)) / 2,   z = W x + b,   f trained, one a neuron

Khademi, Dufour, "Physics-informed neural networks with trainable sinusoidal activation functions", Comput. Phys. Commun. 314,
2025. ``bias="outside"`` is their code: sin(f W x + b). To the loss is added 1 / sum_k exp(mean f of layer k), which falls as
frequencies grow (weight 1 in the code). Weights Xavier-normal, biases zero, f = 1 in all neurons as in the code. Their code
also puts the activation of its plain baseline on the output; not copied.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import xavier_init


class TrainedSinusoid(nn.Module):
    """(sin(f z) + cos(f z)) / 2, or with the bias outside of f: ``(N, width) -> (N, width)``."""

    def __init__(self, width: int, frequency: float, own_bias: bool) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.full((width,), frequency))
        self.bias = nn.Parameter(torch.zeros(width)) if own_bias else None

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations."""
        phase = self._phase(z)
        return (phase.sin() + phase.cos()) / 2

    def derivatives(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return value, first and second derivative."""
        phase = self._phase(z)
        sine, cosine = phase.sin() / 2, phase.cos() / 2
        return sine + cosine, self.frequency * (cosine - sine), -self.frequency.square() * (sine + cosine)

    def _phase(self, z: Tensor) -> Tensor:
        phase = self.frequency * z
        return phase if self.bias is None else phase + self.bias


class TsaNetwork(CoordinateMLP):
    """The MLP with the slope-recovery term of its loss."""

    slope_weight: float = 1.0

    def penalty(self) -> Tensor:
        """Return what is added to the loss."""
        slopes = torch.stack([a.get_parameter("frequency").mean().exp() for a in self.activations])
        return self.slope_weight / slopes.sum()


@register_method(
    "tsa-pinn", formula="(sin(f z) + cos(f z)) / 2, f trained", paper="khademi2025tsa", kinds=("pde",),
    known_failures={
        "pde": "it stays at the solution zero: its frequencies begin at 1, and these steps are too few for them to grow"
    },
)  # fmt: skip
def tsa_pinn(
    net: NetworkSpec,
    *,
    frequency: float = 1.0,
    bias: Literal["inside", "outside"] = "inside",
    slope_weight: float = 1.0,
) -> nn.Module:
    """Build a TSA network."""
    outside = bias == "outside"
    network = TsaNetwork(net, lambda i: TrainedSinusoid(net.width, frequency, outside), init=xavier_init)
    if outside:
        for layer in network.hidden:
            layer.register_parameter("bias", None)
    network.slope_weight = slope_weight
    return network
