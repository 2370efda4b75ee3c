"""Derivatives of any module by reverse mode, applied twice for second derivatives, as PINN codes do. The reference."""

import torch
from torch import Tensor, nn

from inrbench.derivatives.jet import DerivativeSpec, Jet


def backward_jet(network: nn.Module, x: Tensor, wanted: DerivativeSpec) -> Jet:
    """Return the value and derivatives of a network at points.

    The results can be differentiated further, with respect to the weights.

    Args:
        network: Any module ``(N, d) -> (N, 1)``.
        x: Points, ``(N, d)``.
        wanted: Derivatives to compute.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        value = network(x)
        if not wanted.axes:
            return Jet(value)
        gradient = _gradient(value, x)
        first = tuple(gradient[:, axis : axis + 1] * wanted.scale[axis] for axis in wanted.first)
        pure = {
            axis: _gradient(gradient[:, axis], x)[:, axis : axis + 1] * wanted.scale[axis] ** 2
            for axis in {axis for group in wanted.second for axis in group}
        }
        second = tuple(torch.stack([pure[axis] for axis in group]).sum(0) for group in wanted.second)
        return Jet(value, first, second)


def _gradient(value: Tensor, x: Tensor) -> Tensor:
    """Return d sum(value) / dx; zero if the value does not depend on x."""
    if not value.requires_grad:
        return torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=True, allow_unused=True, materialize_grads=True)
    return gradient
