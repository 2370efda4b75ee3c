"""Derivatives of a feedforward chain, by the cheaper of the two explicit methods."""

from torch import Tensor, nn

from inrbench.derivatives.forward import forward_jet
from inrbench.derivatives.jet import DerivativeSpec, Jet
from inrbench.derivatives.reverse import reverse_jet
from inrbench.nn import CoordinateMLP


def analytic_jet(
    network: nn.Module, x: Tensor, wanted: DerivativeSpec, others: Tensor | None = None
) -> tuple[Jet, Tensor | None]:
    """Return the jet at ``x`` and the plain values at ``others``, from the same matrix products.

    Second derivatives use forward mode. If only first derivatives are needed, reverse mode is cheaper.

    Args:
        network: Network ``(N, d) -> (N, 1)`` for which ``is_feedforward`` is true.
        x: Points at which value and derivatives are computed, ``(N, d)``.
        wanted: Derivatives to compute.
        others: Points at which only the value is computed, ``(M, d)``, or None.

    Returns:
        The jet at ``x``, and the values ``(M, 1)`` at ``others``, or None.
    """
    assert isinstance(network, CoordinateMLP)
    return (forward_jet if wanted.second else reverse_jet)(network, x, wanted, others)
