"""Optional features of networks, activations and layers, which the harness finds by the name of a method or attribute.

A class does not need to inherit from these protocols: it only needs the member. ``isinstance`` checks the name, and a type
checker also checks the signature.
"""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from torch import Tensor, nn


@runtime_checkable
class HasPenalty(Protocol):
    """A network that adds a term to the loss of every task, except equations."""

    def penalty(self) -> Tensor:
        """Return a scalar that depends only on the weights."""
        ...


@runtime_checkable
class HasDerivatives(Protocol):
    """An elementwise activation with analytic derivatives, which makes equations faster."""

    def derivatives(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return f(z), f'(z) and f''(z), each with the shape of ``z``."""
        ...


@runtime_checkable
class HasDeployedReals(Protocol):
    """A layer that is smaller when deployed than in training."""

    def deployed_reals(self) -> int:
        """Return the number of real values that the layer needs when deployed."""
        ...


@runtime_checkable
class HasActivations(Protocol):
    """A network whose activations can be observed one by one, as probes and plugin checks do."""

    activations: Iterable[nn.Module]
    """The activations in the order from the input."""
