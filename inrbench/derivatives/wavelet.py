"""Chains of complex Gabor wavelets, as in WIRE, with explicit derivatives.

A channel is f = exp(phi) with phi = i omega z - scale^2 |z|^2, where z is complex and the coordinates x_i are real. With the
slopes d_i = dz/dx_i and the second derivatives s_i = d2z/dx_i2:

    phi_i  = i omega d_i - 2 scale^2 Re(conj(z) d_i)
    phi_ii = i omega s_i - 2 scale^2 (|d_i|^2 + Re(conj(z) s_i))
    f_i = f phi_i,   f_ii = f (phi_i^2 + phi_ii)

f is not analytic in z, so that it has no derivative f'(z): this is why these layers are not stages of a feedforward chain.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from inrbench.derivatives.feedforward import Affine, has_hooks
from inrbench.derivatives.forward import Rows
from inrbench.nn import Gabor, RealInputGabor, SplitComplexLinear

PROBES = 32
Parts = tuple[Tensor, Tensor]
"""Real and imaginary part."""


@dataclass(frozen=True)
class WaveletStage:
    """A linear layer followed by Gabor wavelets.

    Args:
        linear: Linear layer; complex unless the wavelets have a real input.
        wavelets: The activation.
    """

    linear: Affine | SplitComplexLinear
    wavelets: RealInputGabor | Gabor

    def activate(self, rows: Rows) -> Rows:
        """Return value and derivatives of the wavelets."""
        values = self.wavelets(rows.values)
        f, z = _halves(values[: rows.n]), self._parts(rows.values[: rows.n])
        slopes = {axis: self._parts(slope) for axis, slope in rows.slopes.items()}
        first = {axis: self._exponent(z, slope) for axis, slope in slopes.items()}
        seconds = []
        for number, group in enumerate(rows.groups):
            terms = [self._bent(first[axis], slopes[axis]) for axis in group]
            if rows.seconds is not None:
                terms.append(self._exponent(z, self._parts(rows.seconds[number])))
            real, imaginary = (torch.stack(part).sum(0) for part in zip(*terms, strict=True))
            seconds.append(torch.cat(_product(f, (real, imaginary)), dim=-1))
        mapped = {axis: torch.cat(_product(f, slope), dim=-1) for axis, slope in first.items()}
        return Rows(values, mapped, seconds, rows.groups, rows.n)

    def _parts(self, rows: Tensor) -> Parts:
        """Return the parts of pre-activations or of their derivatives."""
        return (rows, torch.zeros_like(rows)) if isinstance(self.wavelets, RealInputGabor) else _halves(rows)

    def _exponent(self, z: Parts, d: Parts) -> Parts:
        """Return i omega d - 2 scale^2 Re(conj(z) d)."""
        (a, b), (g, h), omega = z, d, self.wavelets.omega
        return -omega * h - 2 * self.wavelets.scale**2 * (a * g + b * h), omega * g

    def _bent(self, first: Parts, d: Parts) -> Parts:
        """Return phi_i^2 - 2 scale^2 |d|^2."""
        real, imaginary = _product(first, first)
        return real - 2 * self.wavelets.scale**2 * (d[0].square() + d[1].square()), imaginary


Chain = tuple[list[WaveletStage], SplitComplexLinear]


def _halves(rows: Tensor) -> Parts:
    real, imaginary = rows.chunk(2, dim=-1)
    return real, imaginary


def _product(p: Parts, q: Parts) -> Parts:
    """Return the complex product of p and q."""
    return p[0] * q[0] - p[1] * q[1], p[0] * q[1] + p[1] * q[0]


def is_wavelet_chain(network: nn.Module) -> bool:
    """Return whether a network is WIRE's chain in ``network.layers`` and nothing else, as far as random inputs show."""
    chain = _parse(network)
    if chain is None or has_hooks(network):
        return False
    layers: Any = network.layers
    own = {id(tensor) for tensor in (*layers.parameters(), *layers.buffers())}
    if any(id(tensor) not in own for tensor in (*network.parameters(), *network.buffers())):
        return False
    weight: Tensor = layers[0].weight
    x = (4 * torch.rand(PROBES, weight.shape[1], generator=torch.Generator().manual_seed(0)) - 2).to(weight)
    with torch.no_grad():
        return torch.equal(network(x), layers(x))


def wavelet_stages(network: nn.Module) -> Chain:
    """Return the stages of a network for which ``is_wavelet_chain`` is true, and its output layer."""
    chain = _parse(network)
    assert chain is not None
    return chain


def _parse(network: nn.Module) -> Chain | None:
    """Return the parts of ``network.layers`` if these are the layers of WIRE; subclasses may compute something else."""
    layers = getattr(network, "layers", None)
    if type(layers) is not nn.Sequential or len(layers) < 3 or len(layers) % 2 == 0:
        return None
    parts: list[Any] = list(layers)
    hidden, output = parts[:-1], parts[-1]
    stages = []
    for number, (layer, wavelets) in enumerate(zip(hidden[::2], hidden[1::2], strict=True)):
        wanted = (SplitComplexLinear, Gabor) if number else (nn.Linear, RealInputGabor)
        if (type(layer), type(wavelets)) != wanted or getattr(layer, "real_output", False):
            return None
        stages.append(WaveletStage(layer if number else Affine(layer.weight, layer.bias), wavelets))
    if type(output) is not SplitComplexLinear or not output.real_output:
        return None
    return stages, output
