"""What is asked of a field and what comes back."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class DerivativeSpec:
    """Which derivatives an equation needs.

    ``first``: the axes by which the field is differentiated once. ``second``: groups of axes; the pure second derivatives of a
    group are added up, so ``((0, 1),)`` is the Laplacian in the plane and ``((0,), (1,))`` two derivatives apart.
    ``scale``: for each axis, by how much the network's coordinate grows with the equation's; derivatives are by the latter.
    """

    scale: tuple[float, ...]
    first: tuple[int, ...] = ()
    second: tuple[tuple[int, ...], ...] = ()

    @property
    def axes(self) -> tuple[int, ...]:
        """Every axis that must be differentiated by at least once, in order."""
        return tuple(sorted({*self.first, *(axis for group in self.second for axis in group)}))


@dataclass(frozen=True)
class Jet:
    """A field's value and derivatives at N points, each ``(N, 1)``, in the order in which they were wanted."""

    value: Tensor
    first: tuple[Tensor, ...] = ()
    second: tuple[Tensor, ...] = ()
