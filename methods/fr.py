"""fr: hidden weights as a trained mixture of fixed Fourier bases.

    y = sin(omega z) or max(z, 0),   z = W x + b,   W = Lambda B in the hidden layers,   Lambda trained, B fixed

Shi, Zhou, Gu, "Improved Implicit Neural Representation with Fourier Reparameterized Training", CVPR 2024, arXiv:2401.07402.
A row of B is alpha cos(f t + phase) at equispaced points in [-T/2, T/2], T = 2 pi L, one point per input of the layer. The
frequencies are 1/L, 2/L, .. 1 and 1, 2, .. H, each with P phases 2 pi p / P, so B has M = (H + L) P rows. Column j of Lambda is
drawn from U(+-sqrt(6 / M) / |B_j|), divided by omega for the sine. The biases of these layers start at 0. The first layer and
the output are ordinary linear layers, with SIREN's weights for the sine. The defaults are those of the authors' library:
H = L = 128, P = 16, alpha = 0.01 (0.05 for ReLU).

After training, W replaces Lambda and B. The deployed network has the parameters of a plain MLP; tables show this number next
to the number of trained parameters. B follows from H, L, P and alpha and is not stored with the weights.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import Sine, siren_init


def fourier_bases(n_points: int, high: int, low: int, phases: int, alpha: float) -> Tensor:
    """Return B, ``((high + low) phases, n_points)``.

    Args:
        n_points: Number of inputs of the layer.
        high: H, the highest frequency.
        low: L; the lowest frequency is 1 / L.
        phases: P, the number of phases per frequency.
        alpha: Amplitude of the bases.
    """
    t = torch.linspace(-math.pi * low, math.pi * low, n_points, dtype=torch.float64)
    frequencies = torch.cat((torch.arange(1, low + 1) / low, torch.arange(1, high + 1).double()))
    offsets = 2 * math.pi * torch.arange(phases, dtype=torch.float64) / phases
    return (alpha * torch.cos(frequencies[:, None, None] * t + offsets[:, None])).flatten(0, 1).float()


class FourierLinear(nn.Module):
    """Map z to Lambda B z + b: ``(N, in_features) -> (N, out_features)``.

    Args:
        bases: B, ``(M, in_features)``; it is not trained.
        out_features: Number of outputs.
        gain: Factor of the bound from which Lambda is drawn.
    """

    B: Tensor

    def __init__(self, bases: Tensor, out_features: int, gain: float) -> None:
        super().__init__()
        self.register_buffer("B", bases, persistent=False)
        bound = (6 / len(bases)) ** 0.5 / bases.norm(dim=1) * gain
        self.coefficients = nn.Parameter((2 * torch.rand(out_features, len(bases)) - 1) * bound)
        self.bias = nn.Parameter(torch.zeros(out_features))

    def forward(self, z: Tensor) -> Tensor:
        """Apply the layer to activations."""
        return linear(z, self.coefficients @ self.B, self.bias)

    def deployed_reals(self) -> int:
        """Return how many real numbers remain when Lambda B is multiplied out."""
        return len(self.bias) * (self.B.shape[1] + 1)


@register_method(
    "fr", formula="W = Lambda B, B fixed Fourier bases, Lambda trained",
    latex=r"W = \Lambda B, \quad B \text{ fixed Fourier bases}, \; \Lambda \text{ trained}",
    paper="shi2024fr",
    task_params={
        "image": {"activation": "relu", "phases": 32},  # the authors' image experiments
        "audio": {"omega_first": 3000.0},
        "audio:quick": {"omega_first": 1000.0},
        "audio:standard": {"omega_first": 1000.0},  # as siren
    },
    search_ranges={"omega": (5.0, 60.0), "omega_first": (5.0, 6000.0)},
    authors={"image": {"lr": "1e-4", "lr_min": "1e-7", "schedule": "exponential"}},  # 1e-4, times 0.1 per 3,000 of 10,000 steps
)  # fmt: skip
def fr(
    net: NetworkSpec,
    *,
    activation: Literal["sine", "relu"] = "sine",
    omega: float = 30.0,
    omega_first: float | None = None,
    high: int = 128,  # H of the authors' library
    low: int = 128,  # L
    phases: int = 16,  # P
    alpha: float | None = None,  # the authors' library
) -> nn.Module:
    """Build a Fourier-reparameterised network.

    Args:
        net: Shape of the network.
        activation: ``sine`` or ``relu``.
        omega: Frequency of the sine; not used with ``relu``.
        omega_first: Frequency of the sine in the first layer; None for ``omega``.
        high: H, the highest frequency of the bases.
        low: L; the lowest frequency of the bases is 1 / L.
        phases: P, the number of phases per frequency.
        alpha: Amplitude of the bases; None for 0.01 with ``sine`` and 0.05 with ``relu``.
    """
    sine = activation == "sine"
    first = omega if omega_first is None else omega_first
    network = CoordinateMLP(
        net, lambda i: Sine(omega if i else first) if sine else nn.ReLU(), init=siren_init(omega) if sine else None
    )
    alpha = alpha if alpha is not None else 0.01 if sine else 0.05
    bases = fourier_bases(net.width, high, low, phases, alpha)
    for i in range(1, net.n_layers):
        network.hidden[i] = FourierLinear(bases, net.width, 1 / omega if sine else 1.0)
    return network
