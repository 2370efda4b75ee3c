"""Models that are linear in their parameters. They are solved instead of trained."""

from abc import abstractmethod

from torch import Tensor, nn


class LinearModel(nn.Module):
    """A model whose output is a linear function of its parameters, which are initially zero.

    The harness finds the least-squares parameters by conjugate gradients in float64, also if the problem applies an operation
    to the output (a mask, block means, projections). The protocol's optimiser, learning rate and epochs are not used. If there
    are several solutions, the result is the one of least norm. If the network has a ``penalty`` that is quadratic in the
    parameters, the sum of both is minimised.
    """

    max_iterations: int = 500
    """Number of iterations after which the solver stops. A run that did not converge by then has a note that says so."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Map coordinates ``(N, in_features)`` to values ``(N, out_features)``, computed in the dtype of the parameters."""
