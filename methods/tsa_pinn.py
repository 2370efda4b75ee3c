"""tsa-pinn: a sine and a cosine with one trained frequency per neuron.

    y = (sin(f z) + cos(f z)) / 2,   z = W x + b,   f trained, one per neuron

Khademi, Dufour, "Physics-informed neural networks with trainable sinusoidal activation functions", Comput. Phys. Commun. 314,
2025. ``bias="outside"`` is the form of their code: sin(f W x + b). The loss has the additional term
1 / sum_k exp(mean f of layer k), which decreases as the frequencies grow (weight 1 in the code). Xavier-normal weights, zero
biases and f = 1 in all neurons are as in the code. Their code also applies the activation of its plain baseline to the output;
this is not copied.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import xavier_init


class TrainedSinusoid(nn.Module):
    """Compute (sin(f z) + cos(f z)) / 2, with the bias inside or outside of f: ``(N, width) -> (N, width)``.

    Args:
        width: Number of neurons.
        frequency: Initial f of every neuron.
        own_bias: Add a trained bias to f z, outside of f.
    """

    def __init__(self, width: int, frequency: float, own_bias: bool) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.full((width,), frequency))
        self.bias = nn.Parameter(torch.zeros(width)) if own_bias else None

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations."""
        phase = self._phase(z)
        return (phase.sin() + phase.cos()) / 2

    def derivatives(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the value, the first and the second derivative of the activation."""
        phase = self._phase(z)
        sine, cosine = phase.sin() / 2, phase.cos() / 2
        return sine + cosine, self.frequency * (cosine - sine), -self.frequency.square() * (sine + cosine)

    def _phase(self, z: Tensor) -> Tensor:
        phase = self.frequency * z
        return phase if self.bias is None else phase + self.bias


class TsaNetwork(CoordinateMLP):
    """An MLP with the slope-recovery term in its loss."""

    slope_weight: float = 1.0

    def penalty(self) -> Tensor:
        """Return the term that is added to the loss."""
        slopes = torch.stack([a.get_parameter("frequency").mean().exp() for a in self.activations])
        return self.slope_weight / slopes.sum()


@register_method(
    "tsa-pinn", formula="(sin(f z) + cos(f z)) / 2, f trained",
    latex=r"\frac{\sin(f z) + \cos(f z)}{2}, \quad f \text{ trained}", paper="khademi2025tsa",
    kinds=("pde",),
    known_failures={
        "pde": "it stays at the zero solution: its frequencies start at 1, and there are too few steps for them to grow"
    },
    search_ranges={"frequency": (0.5, 30.0)},
)  # fmt: skip
def tsa_pinn(
    net: NetworkSpec,
    *,
    frequency: float = 1.0,
    bias: Literal["inside", "outside"] = "inside",
    slope_weight: float = 1.0,
) -> nn.Module:
    """Build a TSA network.

    Args:
        net: Shape of the network.
        frequency: Initial f of every neuron.
        bias: ``inside``: sin(f (W x + b)); ``outside``: sin(f W x + b), as in the authors' code.
        slope_weight: Weight of the slope-recovery term in the loss.
    """
    outside = bias == "outside"
    network = TsaNetwork(net, lambda i: TrainedSinusoid(net.width, frequency, outside), init=xavier_init)
    if outside:
        for layer in network.hidden:
            layer.register_parameter("bias", None)
    network.slope_weight = slope_weight
    return network
