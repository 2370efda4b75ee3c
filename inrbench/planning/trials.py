"""The trials of a search: settings near a method's usual ones, spread evenly.

Trial 0 has the settings of the track ``paper``. Trial 1 has the learning rate and the parameters of the method's authors, if
they are known: a search must not miss them. All others fill the ranges evenly, each parameter on its own scale.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inrbench.planning.request import Recipe
from inrbench.registry import Method, Task
from inrbench.spec import Protocol, Value

LEARNING_RATES = (1e-5, 2e-2)
"""The lowest and the highest learning rate that any search tries."""
TUNED_FIELDS = frozenset({"lr", "lr_min"})
"""Fields of a protocol that a search changes."""
AROUND = 10.0
"""Largest factor between the usual value of the learning rate or a parameter and the values that are tried."""
RATE = "lr"
"""Name of the learning rate among the ranges of a search."""
DIGITS = 3
"""Significant digits of the values that are tried."""


@dataclass(frozen=True)
class TriedRange:
    """The values of a parameter that a search tries.

    Args:
        low: Lowest value; of a parameter that is a logarithm, of what is added to its usual value.
        high: Highest value, likewise.
        usual: The usual value.
        offset: Whether values are added to the usual one.
    """

    low: float
    high: float
    usual: Value = None
    offset: bool = False

    def at(self, share: float) -> Value:
        """Return the value at a share of the range: on a log scale if both ends are positive, otherwise on a linear scale."""
        if self.offset:
            more = self.low + (self.high - self.low) * share
            moved = tuple(round(number + more, DIGITS) for number in _each(self.usual))
            return moved if isinstance(self.usual, tuple) else moved[0]
        value = self.low * (self.high / self.low) ** share if self.low > 0 else self.low + (self.high - self.low) * share
        if isinstance(self.usual, int):
            return min(max(round(value), math.ceil(self.low)), math.floor(self.high))
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    def ends(self) -> tuple[float, float]:
        """Return the lowest and the highest number that a value can be, or have among its numbers."""
        if not self.offset:
            return self.low, self.high
        return min(_each(self.usual)) + self.low, max(_each(self.usual)) + self.high


def trials_of(method: Method, task: Task, protocol: Protocol, signal: str, count: int) -> tuple[Recipe, ...]:
    """Return the recipes of the trials of a search. They are the same in every call.

    Args:
        method: The method.
        task: The task with the tuning signals.
        protocol: The protocol.
        signal: A tuning signal, for the method's usual parameters.
        count: Number of trials.
    """
    usual = method.params_for(task.name, task.kind, signal, protocol.name)
    rates, ranges = _tried(method, task, protocol, signal)
    trials = [Recipe(), *_trial_of_authors(method, task, protocol, usual)]
    for point in _points(1 + len(ranges), count - len(trials)):
        rate = rates.at(float(point[0]))
        assert isinstance(rate, float)
        params: dict[str, Value] = {}
        for (name, values), share in zip(ranges.items(), map(float, point[1:]), strict=True):
            if usual[name] is not None:
                params[name] = values.at(share)
            elif share >= 0.5:  # a parameter that is usually None is None in half of the trials
                params[name] = values.at(2 * share - 1)
        trials.append(Recipe(params, _rates(rate, protocol)))
    return tuple(trials)


def tried_ranges(method: Method, task: Task, protocol: Protocol, signal: str) -> dict[str, tuple[float, float]]:
    """Return the lowest and the highest value of the learning rate, and then of each parameter, among all possible trials.

    The learning rate is at most a factor of ten from the protocol's, or as far as the authors' rates are. A declared range of
    a parameter is cut to a factor of ten around its usual value: frequencies for sounds are a hundred times those for images.
    If ``omega_first`` is usually None, the layer has the value of ``omega``, and the range is near that. A parameter that is a
    logarithm has a range of what is added to its usual value.

    Args:
        method: The method.
        task: The task with the tuning signals.
        protocol: The protocol.
        signal: A tuning signal, for the method's usual parameters.
    """
    usual = method.params_for(task.name, task.kind, signal, protocol.name)
    rates, ranges = _tried(method, task, protocol, signal)
    found = {RATE: rates.ends(), **{name: values.ends() for name, values in ranges.items()}}
    for recipe in _trial_of_authors(method, task, protocol, usual):
        for name, value in recipe.params.items():
            found[name] = min(found[name][0], *_each(value)), max(found[name][1], *_each(value))
    return found


def _tried(method: Method, task: Task, protocol: Protocol, signal: str) -> tuple[TriedRange, dict[str, TriedRange]]:
    """Return the range of the learning rate, and that of each parameter."""
    usual = method.params_for(task.name, task.kind, signal, protocol.name)
    known = [float(changes["lr"]) for changes in method.authors.values() if "lr" in changes]
    low, high = min(protocol.lr / AROUND, *known, protocol.lr), max(protocol.lr * AROUND, *known, protocol.lr)
    ranges = {}
    for name, ends in method.search_ranges.items():
        centre = usual[name] if usual[name] is not None else usual.get(name.removesuffix("_first"))
        if name in method.log10_params and centre is not None:
            ranges[name] = TriedRange(*ends, centre, offset=True)
        else:
            ranges[name] = TriedRange(*_near(ends, centre), usual[name])
    return TriedRange(max(low, LEARNING_RATES[0]), min(high, LEARNING_RATES[1])), ranges


def _trial_of_authors(method: Method, task: Task, protocol: Protocol, usual: Mapping[str, Value]) -> list[Recipe]:
    """Return the trial with the authors' learning rate and searched parameters; an empty list if it would change nothing.

    Other changes that authors make, such as a schedule or the range of coordinates, are not part of a search.
    """
    authors, changes = method.authors_recipe(task.name, task.kind)
    params = {
        name: authors[name] for name in method.search_ranges if authors.get(name) is not None and authors[name] != usual[name]
    }
    rate = float(changes.get("lr", protocol.lr))
    possible = LEARNING_RATES[0] <= rate <= LEARNING_RATES[1]
    training = _rates(rate, protocol) if possible and rate != protocol.lr else {}
    return [Recipe(params, training)] if params or training else []


def _rates(rate: float, protocol: Protocol) -> dict[str, str]:
    """Return a learning rate that falls by the same factor as in the protocol."""
    return {"lr": repr(rate), "lr_min": repr(float(f"{rate * protocol.lr_min / protocol.lr:.{DIGITS}g}"))}


def _near(ends: tuple[float, float], centre: Value) -> tuple[float, float]:
    """Return the part of a range that is at most a factor of AROUND from a centre; the whole range if that is not possible."""
    low, high = ends
    if isinstance(centre, bool) or not isinstance(centre, int | float) or not 0 < low <= centre <= high:
        return ends
    return max(low, centre / AROUND), min(high, centre * AROUND)


def _each(value: Value) -> tuple[float, ...]:
    """Return the numbers of a value: one, or those of a tuple."""
    numbers = value if isinstance(value, tuple) else (value,)
    return tuple(float(number) for number in numbers if isinstance(number, int | float))


def _points(dimensions: int, count: int) -> np.ndarray:
    """Return ``count`` points that fill the unit cube evenly, as ``(count, dimensions)``. They are the same in every call."""
    power = math.ceil(math.log2(max(count, 1)))
    from scipy.stats import qmc  # a third of a second

    points: np.ndarray = qmc.Sobol(dimensions, seed=0).random_base2(power)[:count]
    return points
