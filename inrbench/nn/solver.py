"""A method that does its own fitting, instead of a network that the harness's optimisers train."""

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn


class Solver(nn.Module):
    """Interface of a method with its own objective, unknowns and optimiser.

    It takes as many steps as a network, is timed in the same way, and is evaluated at the same points. Tasks need no changes.
    """

    @abstractmethod
    def begin(self, equation: Any) -> None:
        """Set up the unknowns for an ``inrbench.problems.Equation``. Called once. Raises BadValue or NotApplicable."""

    @abstractmethod
    def step(self) -> Tensor:
        """Take one step and return the minimised objective, a scalar on the device."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the solution ``(N, 1)`` at coordinates ``(N, d)`` in [-1, 1]."""

    @abstractmethod
    def jet(self, x: Tensor, wanted: Any) -> Any:
        """Return the value and derivatives at coordinates: a ``Jet`` for a ``DerivativeSpec`` (``inrbench.derivatives``)."""
