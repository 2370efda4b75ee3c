"""Initialisers: functions that fill the linear layers of a network, given in order from input to output."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

Initialiser = Callable[[Sequence[nn.Linear]], None]


def siren_init(omega: float) -> Initialiser:
    """Return SIREN's initialiser: W ~ U(+-1/fan_in) in the first layer and U(+-sqrt(6/fan_in)/omega) in all others.

    The output layer is initialised like a hidden layer, as in the authors' ``modules.py``. Biases keep the framework's default
    U(+-1/sqrt(fan_in)). Sitzmann et al. 2020 (arXiv:2006.09661), section 3.2.
    """

    @torch.no_grad()
    def fill(layers: Sequence[nn.Linear]) -> None:
        for i, layer in enumerate(layers):
            bound = 1 / layer.in_features if i == 0 else (6 / layer.in_features) ** 0.5 / omega
            layer.weight.uniform_(-bound, bound)

    return fill


@torch.no_grad()
def xavier_init(layers: Sequence[nn.Linear]) -> None:
    """Fill linear layers with Xavier-normal weights and zero biases."""
    for layer in layers:
        nn.init.xavier_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
