"""An equation as data: its residual, its domain, and the conditions on the boundary."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inrbench.derivatives import DerivativeSpec, Jet

Array = NDArray[np.float64]
Field = Callable[[Array], Array]
"""Function from points ``(N, d)`` in the equation's coordinates to values ``(N,)``."""
Side = tuple[int, Literal["low", "high"]]


@dataclass(frozen=True)
class Condition:
    """A condition on some sides of the box.

    The exact solution gives the values on the sides. If ``periodic``, the values on two sides must be equal instead.

    Args:
        sides: Axis and end of each side; two sides if ``periodic``.
        weight: Weight of the condition's mean squared error in the loss.
        periodic: Whether the values on both sides must be equal.
    """

    sides: tuple[Side, ...]
    weight: float
    periodic: bool = False

    @classmethod
    def around(cls, weight: float) -> "Condition":
        """Return the condition that the solution is known on all four sides of a rectangle."""
        return cls(sides=((0, "low"), (0, "high"), (1, "low"), (1, "high")), weight=weight)


@dataclass(frozen=True)
class Equation:
    """The equation ``residual(u) = source`` in a box, with conditions on its sides.

    Args:
        box: Lowest and highest value of each coordinate.
        residual: Function from the Jet of u to ``(N, 1)``.
        source: Right-hand side.
        exact: Known solution.
        conditions: Conditions on the sides of the box.
        first: First derivatives that the residual needs, as in DerivativeSpec.
        second: Second derivatives that the residual needs, as in DerivativeSpec.
    """

    box: tuple[tuple[float, float], ...]
    residual: Callable[[Jet], Tensor]
    source: Field
    exact: Field
    conditions: tuple[Condition, ...]
    first: tuple[int, ...] = ()
    second: tuple[tuple[int, ...], ...] = ()

    @property
    def wanted(self) -> DerivativeSpec:
        """The required derivatives, by the equation's coordinates, of a network on [-1, 1]^d."""
        return DerivativeSpec(tuple(2 / (high - low) for low, high in self.box), self.first, self.second)

    def from_unit(self, unit: Array) -> Array:
        """Map points of [0, 1]^d to the box."""
        low, high = np.array(self.box).T
        return low + (high - low) * unit

    def to_network(self, x: Array) -> Tensor:
        """Map points of the box to the network's coordinates in [-1, 1]^d, float64."""
        low, high = np.array(self.box).T
        return torch.from_numpy(2 * (x - low) / (high - low) - 1)
