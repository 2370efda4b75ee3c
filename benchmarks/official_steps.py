"""Six methods in the style of their authors' code, which ``inrbench profile --official`` compares with inrbench's step.

They are written from the definitions and keep what costs time in the authors' code: MSA computes its frequencies in each
forward pass, WIRE uses complex64, STAF stores a tensor (N, width, tau), FINER computes its scale without gradient, the hash
grid has one EmbeddingBag per level, as is usual without CUDA kernels. Initial weights do not change the time, so they are torch's
defaults.
"""

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.methods.hash_grid import largest_table
from inrbench.nn import parameters_of_mlp


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


class HashGrid(nn.Module):
    """16 levels of 2 features and two layers of 64 or less, as many parameters as inrbench's ``hash-grid``."""

    def __init__(self, net: NetworkSpec, levels: int = 16, base: int = 16, finest: int = 128) -> None:
        super().__init__()
        budget, width = parameters_of_mlp(net), 64
        while width > 8 and 3 * width * (2 * levels + width + net.out_features) > budget:
            width -= 8
        left = budget - width * (2 * levels + width + net.out_features)
        self.scales = [base * (finest / base) ** (level / (levels - 1)) - 1 for level in range(levels)]
        dense = [-(-((math.ceil(scale) + 1) ** net.in_features) // 8) * 8 for scale in self.scales]
        most = largest_table(dense, left // 2)
        self.tables = nn.ModuleList(nn.EmbeddingBag(min(size, most), 2, mode="sum") for size in dense)
        self.network = nn.Sequential(
            nn.Linear(2 * levels, width, bias=False),
            nn.ReLU(),
            nn.Linear(width, width, bias=False),
            nn.ReLU(),
            nn.Linear(width, net.out_features, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        features = []
        for table, scale in zip(self.tables, self.scales, strict=True):
            position = (x + 1) / 2 * scale + 0.5
            cell = position.floor()
            share, corner = position - cell, cell.long()
            index, weight = [], []
            for bits in itertools.product((0, 1), repeat=x.shape[1]):
                row, factor = torch.zeros_like(corner[:, 0]), torch.ones_like(share[:, 0])
                for axis, bit in enumerate(bits):
                    row = row ^ ((corner[:, axis] + bit) * (1, 2654435761, 805459861)[axis])
                    factor = factor * (share[:, axis] if bit else 1 - share[:, axis])
                index.append(row % table.num_embeddings)
                weight.append(factor)
            features.append(table(torch.stack(index, 1), per_sample_weights=torch.stack(weight, 1)))
        return self.network(torch.cat(features, 1))


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


@register_method("official-hash-grid", formula="MLP of interpolated features from hashed grids of 16 resolutions")
def hash_grid(net: NetworkSpec) -> nn.Module:
    return HashGrid(net)
