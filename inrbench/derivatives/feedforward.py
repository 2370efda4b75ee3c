"""Networks with explicit derivatives: alternating linear layers and elementwise functions."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from inrbench.derivatives.forward import Rows
from inrbench.nn import CoordinateMLP, HasDerivatives, WaveEncoding

PROBES = 3
Function = Callable[[Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Affine:
    """A linear layer ``x weight^T + bias``.

    Args:
        weight: Weight, ``(out_features, in_features)``.
        bias: Bias, ``(out_features,)``, or None.
    """

    weight: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        """Apply the layer to ``(N, in_features)``."""
        return functional.linear(x, self.weight, self.bias)

    def product(self, rows: Tensor) -> Tensor:
        """Apply the layer to ``(N, in_features)``, without the bias."""
        return functional.linear(rows, self.weight)


@dataclass(frozen=True)
class Stage:
    """A linear layer, ``z: (N, m)``, followed by elementwise functions of z, ``(N, copies m)``.

    Args:
        linear: The linear layer.
        once: Function from z to f(z), f'(z).
        twice: Function from z to f(z), f'(z), f''(z).
        copies: Number of functions of each z, whose values are concatenated.
    """

    linear: Affine
    once: Function
    twice: Function
    copies: int = 1

    def activate(self, rows: Rows) -> Rows:
        """Return f(z), the slopes f'(z) d_i and the second derivatives f'(z) s + f''(z) sum_i d_i^2."""
        values, first, second = self.twice(rows.values)
        first, second, copies = first[: rows.n], second[: rows.n], self.copies
        slopes = {axis: slope.repeat(1, copies) for axis, slope in rows.slopes.items()} if copies > 1 else rows.slopes
        seconds = []
        for number, group in enumerate(rows.groups):
            bent = second * torch.stack([slopes[axis].square() for axis in group]).sum(0)
            seconds.append(bent if rows.seconds is None else first * rows.seconds[number].repeat(1, copies) + bent)
        return Rows(values, {axis: first * slope for axis, slope in slopes.items()}, seconds, rows.groups, rows.n)


def is_feedforward(network: nn.Module) -> bool:
    """Return whether a network alternates linear layers and elementwise activations, as far as random inputs show."""
    return (
        not has_hooks(network)
        and isinstance(network, CoordinateMLP)
        and type(network).forward is CoordinateMLP.forward
        and all(isinstance(layer, nn.Linear) for layer in network.hidden)
        and isinstance(network.encoding, nn.Identity | WaveEncoding)
        and all(_is_elementwise(activation, network.output.in_features) for activation in network.activations)
    )


def has_hooks(network: nn.Module) -> bool:
    """Return whether a hook, such as that of the old ``torch.nn.utils.weight_norm``, takes part in a network's output."""
    return any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def stages_of(network: CoordinateMLP) -> tuple[list[Stage], Affine]:
    """Return the stages of a chain in order from the input, and its output layer."""
    stages = []
    if isinstance(network.encoding, WaveEncoding):
        waves = network.encoding
        stages.append(Stage(Affine(waves.matrix, waves.bias), lambda z: waves.waves(z)[:2], waves.waves, waves.copies))
    for layer, activation in zip(network.hidden, network.activations, strict=True):
        assert isinstance(layer, nn.Linear)
        stages.append(Stage(Affine(layer.weight, layer.bias), *_derivatives_of(activation)))
    return stages, Affine(network.output.weight, network.output.bias)


def _derivatives_of(activation: nn.Module) -> tuple[Function, Function]:
    """Return f with its first and with its first two derivatives: the activation's own if it has them, otherwise generic."""
    own = activation.derivatives if isinstance(activation, HasDerivatives) else None
    if isinstance(activation, nn.Tanh):
        own = _tanh
    if own is not None:
        return lambda z: own(z)[:2], own

    def slope(z: Tensor) -> Tensor:
        return torch.func.grad(lambda v: activation(v).sum())(z)

    def curvature(z: Tensor) -> Tensor:
        return torch.func.grad(lambda v: slope(v).sum())(z)

    return lambda z: (activation(z), slope(z)), lambda z: (activation(z), slope(z), curvature(z))


def _tanh(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    value = torch.tanh(z)
    first = 1 - value.square()
    return value, first, -2 * value * first


def _is_elementwise(activation: nn.Module, width: int) -> bool:
    """Return whether changing one channel of a random row changes only that channel of that row, for a few rows."""
    parameter = next(activation.parameters(), None)
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(PROBES, width, generator=generator)
    if parameter is not None:
        z = z.to(parameter)
    buffer = next((b for b in activation.buffers() if b.is_floating_point()), None)
    if parameter is None and buffer is not None:
        z = z.to(buffer)
    with torch.no_grad():
        try:
            before = activation(z)
            for row in range(PROBES):
                column = row * (width - 1) // max(PROBES - 1, 1)
                moved = z.clone()
                moved[row, column] += 0.5
                same = activation(moved) == before
                same[row, column] = True
                if before.shape != z.shape or not bool(same.all()):
                    return False
        except RuntimeError:
            return False
    return True
