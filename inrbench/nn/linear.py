"""Models that are linear in their parameters: they are solved and not trained."""

from abc import abstractmethod

from torch import Tensor, nn


class LinearModel(nn.Module):
    """A model whose output is a linear function of its parameters, which are zero at first.

    The harness finds the parameters of least squares, by conjugate gradients in float64, whatever the problem does to the
    output (a mask, means of blocks, projections). The optimiser, the learning rate and the epochs of the protocol mean nothing
    to it. Of all solutions it is the one of least norm.
    """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Map coordinates ``(N, in_features)`` to values ``(N, out_features)``, computed in the type of the parameters."""
