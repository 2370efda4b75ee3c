"""Five methods in the style of their authors' code, which ``inrbench profile --official`` compares with inrbench's step.

They are written from the definitions and keep what costs time in the authors' code: MSA computes its frequencies in each
forward pass, WIRE uses complex64, STAF stores a tensor (N, width, tau), FINER computes its scale without gradient. Initial
weights do not change the time, so they are torch's defaults.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method


class Msa(nn.Module):
    def __init__(self, s_min: float = 1.2, s_max: float = 3.6) -> None:
        super().__init__()
        self.s_min, self.s_max = s_min, s_max

    def forward(self, z: Tensor) -> Tensor:
        frequencies = torch.logspace(self.s_min, self.s_max, z.shape[-1], device=z.device)
        return torch.sin(frequencies * z) / frequencies


class Sine(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.sin(30.0 * z)


class Finer(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        with torch.no_grad():
            scale = z.abs() + 1
        return torch.sin(30.0 * scale * z)


class Staf(nn.Module):
    def __init__(self, tau: int = 5) -> None:
        super().__init__()
        self.omega = nn.Parameter(30 * torch.rand(tau))
        self.phi = nn.Parameter(math.pi * (2 * torch.rand(tau) - 1))
        self.beta = nn.Parameter(torch.rand(tau) / tau)

    def forward(self, z: Tensor) -> Tensor:
        return (self.beta * torch.sin(self.omega * z.unsqueeze(-1) + self.phi)).sum(dim=-1)


class Wavelet(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.exp(1j * (20.0 * z) - (30.0 * z).abs().square())


class Wire(nn.Module):
    def __init__(self, net: NetworkSpec) -> None:
        super().__init__()
        m = int(net.width / 2**0.5)
        self.layers = nn.Sequential(nn.Linear(net.in_features, m), Wavelet())
        for _ in range(net.n_layers - 1):
            self.layers.extend((nn.Linear(m, m, dtype=torch.cfloat), Wavelet()))
        self.layers.append(nn.Linear(m, net.out_features, dtype=torch.cfloat))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).real


def perceptron(net: NetworkSpec, activation: Callable[[], nn.Module]) -> nn.Module:
    layers = nn.Sequential(nn.Linear(net.in_features, net.width), activation())
    for _ in range(net.n_layers - 1):
        layers.extend((nn.Linear(net.width, net.width), activation()))
    return layers.append(nn.Linear(net.width, net.out_features))


@register_method("official-msa", formula="sin(w_i z_i) / w_i")
def msa(net: NetworkSpec) -> nn.Module:
    return perceptron(net, Msa)


@register_method("official-siren", formula="sin(30 z)")
def siren(net: NetworkSpec) -> nn.Module:
    return perceptron(net, Sine)


@register_method("official-finer", formula="sin(30 (|z| + 1) z)")
def finer(net: NetworkSpec) -> nn.Module:
    return perceptron(net, Finer)


@register_method("official-staf", formula="sum_j beta_j sin(omega_j z + phi_j)")
def staf(net: NetworkSpec) -> nn.Module:
    return perceptron(net, Staf)


@register_method("official-wire", formula="exp(i 20 z - |30 z|^2)")
def wire(net: NetworkSpec) -> nn.Module:
    return Wire(net)
