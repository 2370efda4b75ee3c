"""Initialisations: each returns a function that fills the linear layers of a network, given from input to output."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

Initialiser = Callable[[Sequence[nn.Linear]], None]


def siren_init(omega: float) -> Initialiser:
    """W ~ U(+-1/fan_in) in the first layer and U(+-sqrt(6/fan_in)/omega) in all others, the output included.

    Biases keep the framework's default U(+-1/sqrt(fan_in)). Sitzmann et al. 2020 (arXiv:2006.09661), section 3.2, and the
    authors' ``modules.py``, which initialises the output layer like a hidden one.
    """

    @torch.no_grad()
    def fill(layers: Sequence[nn.Linear]) -> None:
        for i, layer in enumerate(layers):
            bound = 1 / layer.in_features if i == 0 else (6 / layer.in_features) ** 0.5 / omega
            layer.weight.uniform_(-bound, bound)

    return fill


@torch.no_grad()
def xavier_init(layers: Sequence[nn.Linear]) -> None:
    """Fill linear layers: Xavier-normal weights, biases zero."""
    for layer in layers:
        nn.init.xavier_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
