"""A method that fits itself: no network that an optimiser of ours could train."""

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn


class Solver(nn.Module):
    """What the harness asks of a method with an objective, unknowns and an optimiser of its own.

    It is stepped as often as a network would be, under the same clock, and judged by the same points. Tasks do not notice.
    """

    @abstractmethod
    def begin(self, equation: Any) -> None:
        """Set up the unknowns for an equation (``inrbench.problems.Equation``), once. Raises BadValue or NotApplicable."""

    @abstractmethod
    def step(self) -> Tensor:
        """Take one step; return the objective that was minimised, a scalar on the device."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the solution ``(N, 1)`` at coordinates ``(N, d)`` in [-1, 1]."""

    @abstractmethod
    def jet(self, x: Tensor, wanted: Any) -> Any:
        """Return value and derivatives at coordinates (``inrbench.derivatives``: Jet of a Wanted)."""
