"""A method that does its own fitting, instead of a network that the harness's optimisers train."""

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeGuard

from torch import Tensor, nn

if TYPE_CHECKING:
    from inrbench.derivatives import DerivativeSpec, Jet
    from inrbench.problems import Equation


class Solver(nn.Module):
    """Interface of a method with its own objective, unknowns and optimiser.

    It takes as many steps as a network, is timed in the same way, and is evaluated at the same points. Tasks need no changes.
    """

    @abstractmethod
    def begin(self, equation: "Equation") -> None:
        """Set up the unknowns for an ``inrbench.problems.Equation``. Called once. Raises BadValue or NotApplicable."""

    @abstractmethod
    def step(self) -> Tensor:
        """Take one step and return the minimised objective, a scalar on the device."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the solution ``(N, 1)`` at coordinates ``(N, d)`` in [-1, 1]."""

    @abstractmethod
    def jet(self, x: Tensor, wanted: "DerivativeSpec") -> "Jet":
        """Return the value and the wanted derivatives at coordinates ``(N, d)``."""


def is_solver(network: nn.Module) -> TypeGuard[Solver]:
    """Return whether a method fits itself, so that no optimiser, loss or batch of the harness is used."""
    return isinstance(network, Solver)
