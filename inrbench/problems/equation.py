"""An equation as data: what vanishes, where, and what is known at the rim."""

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
"""Points ``(N, d)`` in the equation's coordinates -> values ``(N,)``."""
Side = tuple[int, Literal["low", "high"]]


@dataclass(frozen=True)
class Condition:
    """The solution's own values on some sides of the box; or, with two sides and ``periodic``, equal values on both."""

    sides: tuple[Side, ...]
    weight: float
    periodic: bool = False

    @classmethod
    def around(cls, weight: float) -> "Condition":
        """Return that the solution is known on all four sides of a rectangle."""
        return cls(sides=((0, "low"), (0, "high"), (1, "low"), (1, "high")), weight=weight)


@dataclass(frozen=True)
class Equation:
    """``residual(u) = source`` in a box, with conditions on sides of it.

    ``first`` and ``second`` name the derivatives as Wanted does; ``residual`` maps the Jet of u to ``(N, 1)``.
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
        """The derivatives, by the equation's coordinates, of a network on [-1, 1]^d."""
        return DerivativeSpec(tuple(2 / (high - low) for low, high in self.box), self.first, self.second)

    def from_unit(self, unit: Array) -> Array:
        """Return points of the box from points of [0, 1]^d."""
        low, high = np.array(self.box).T
        return low + (high - low) * unit

    def to_network(self, x: Array) -> Tensor:
        """Return coordinates in [-1, 1]^d, float64, from points of the box."""
        low, high = np.array(self.box).T
        return torch.from_numpy(2 * (x - low) / (high - low) - 1)
