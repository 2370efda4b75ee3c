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


def activations_of(network: nn.Module) -> list[nn.Module]:
    """Return the modules of the attribute ``activations`` of a network, in the order from the input; an empty list without one.

    Probes and plugin checks observe them one by one. This is no protocol like the others: since Python 3.12, ``isinstance``
    does not see the submodules of a network.
    """
    found = getattr(network, "activations", ())
    modules = list(found) if isinstance(found, Iterable) else []
    return modules if all(isinstance(module, nn.Module) for module in modules) else []
