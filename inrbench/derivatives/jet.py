"""The derivatives requested of a field, and their values."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class DerivativeSpec:
    """The derivatives that an equation needs.

    Args:
        scale: Derivative of the network's coordinate with respect to the equation's coordinate, one number per axis. All
            derivatives are with respect to the equation's coordinates.
        first: Axes of the first derivatives.
        second: Groups of axes. The pure second derivatives of a group are added up, so ``((0, 1),)`` is the Laplacian in the
            plane, and ``((0,), (1,))`` are two separate derivatives.
    """

    scale: tuple[float, ...]
    first: tuple[int, ...] = ()
    second: tuple[tuple[int, ...], ...] = ()

    @property
    def axes(self) -> tuple[int, ...]:
        """Axes of all requested derivatives, in order and without duplicates."""
        return tuple(sorted({*self.first, *(axis for group in self.second for axis in group)}))


@dataclass(frozen=True)
class Jet:
    """A field's value and derivatives at N points, each ``(N, 1)``.

    Args:
        value: The field's value.
        first: First derivatives, in the requested order.
        second: Second derivatives of the groups, in the requested order.
    """

    value: Tensor
    first: tuple[Tensor, ...] = ()
    second: tuple[Tensor, ...] = ()
