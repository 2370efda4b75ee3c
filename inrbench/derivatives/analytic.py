"""Derivatives by explicit formulas, for the networks that have them."""

from torch import Tensor, nn

from inrbench.derivatives.feedforward import is_feedforward, stages_of
from inrbench.derivatives.forward import forward_jet
from inrbench.derivatives.jet import DerivativeSpec, Jet
from inrbench.derivatives.reverse import reverse_jet
from inrbench.derivatives.wavelet import is_wavelet_chain, wavelet_stages
from inrbench.nn import CoordinateMLP


def has_analytic_jet(network: nn.Module) -> bool:
    """Return whether ``analytic_jet`` can be used: the network is a feedforward chain or a chain of complex wavelets."""
    return is_feedforward(network) or is_wavelet_chain(network)


def analytic_jet(
    network: nn.Module, x: Tensor, wanted: DerivativeSpec, others: Tensor | None = None
) -> tuple[Jet, Tensor | None]:
    """Return the jet at ``x`` and the plain values at ``others``, from the same matrix products.

    Second derivatives use forward mode. If a feedforward chain needs only first derivatives, reverse mode is cheaper.

    Args:
        network: Network ``(N, d) -> (N, 1)`` for which ``has_analytic_jet`` is true.
        x: Points at which value and derivatives are computed, ``(N, d)``.
        wanted: Derivatives to compute.
        others: Points at which only the value is computed, ``(M, d)``, or None.

    Returns:
        The jet at ``x``, and the values ``(M, 1)`` at ``others``, or None.
    """
    if not isinstance(network, CoordinateMLP):
        return forward_jet(*wavelet_stages(network), x, wanted, others)
    if wanted.second:
        return forward_jet(*stages_of(network), x, wanted, others)
    return reverse_jet(network, x, wanted, others)
