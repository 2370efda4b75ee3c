"""The derivatives of a chain by the cheaper of the two written-out ways."""

from torch import Tensor, nn

from inrbench.derivatives.forward import forward_jet
from inrbench.derivatives.jet import DerivativeSpec, Jet
from inrbench.derivatives.reverse import reverse_jet
from inrbench.nn import CoordinateMLP


def analytic_jet(
    network: nn.Module, x: Tensor, wanted: DerivativeSpec, others: Tensor | None = None
) -> tuple[Jet, Tensor | None]:
    """Return the jet at points ``x (N, d)``, and the bare values ``(M, 1)`` at ``others (M, d)``, from the same products.

    The network must be one that ``is_feedforward``. Second derivatives go forwards; a gradient alone is cheaper backwards.
    """
    assert isinstance(network, CoordinateMLP)
    return (forward_jet if wanted.second else reverse_jet)(network, x, wanted, others)
