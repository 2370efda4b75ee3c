"""How good the trials of a search were in which a setting is off by about two or four.

A search varies all settings at once. The trials whose setting is within a factor of the square root of two from the best
recipe's are *near* it; those at up to two times the square root of two are *off by two*, and those at up to four times *off by
four*. The fall is the best score of the near trials less the best score of the trials that are off. It is rough: the other
settings of these trials differ too, which can make the fall larger or smaller. All trials of the first round take part, each
with a sixteenth of the steps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inrbench.planning.request import Recipe
from inrbench.planning.trials import RATE
from inrbench.planning.tuning import Search, Trial
from inrbench.spec import Value

OFF = (2, 4)
"""Factors by which a setting is off."""


@dataclass(frozen=True)
class Sensitivity:
    """The fall of the score when one setting is off.

    Args:
        name: The setting: ``lr`` or a parameter.
        off_by_two: Fall at a factor of about two, in dB, decades or units of the score; infinite if all trials there failed,
            None if there is none.
        off_by_four: Fall at a factor of about four.
    """

    name: str
    off_by_two: float | None
    off_by_four: float | None

    @property
    def falls(self) -> dict[int, float | None]:
        """Factor -> fall."""
        return dict(zip(OFF, (self.off_by_two, self.off_by_four), strict=True))

    @property
    def largest(self) -> float | None:
        """The larger of the falls; None if neither is known."""
        return max((fall for fall in self.falls.values() if fall is not None), default=None)

    def __str__(self) -> str:
        return f"{self.name} " + ", ".join(f"x{factor}: {self.text(fall)}" for factor, fall in self.falls.items())

    @staticmethod
    def text(fall: float | None) -> str:
        """Return the change of the score as text: negative if it falls."""
        return "no trial" if fall is None else "failed" if math.isinf(fall) else f"{-fall:+.2f}"


def sensitivities(search: Search, first_round: Sequence[Trial], best: Recipe) -> list[Sensitivity]:
    """Return the sensitivity to the learning rate and to each parameter that the best recipe sets or the method usually has.

    Args:
        search: The search.
        first_round: Its trials with their scores in the first round.
        best: The best recipe.
    """
    found = []
    for name in search.ranges:
        centre = _octave(search, name, best)
        if centre is None:
            continue
        scores: dict[int, list[float]] = {0: [], 1: [], 2: []}
        for trial in first_round:
            place = _octave(search, name, search.trials[trial.number])
            if place is not None and (octaves := round(abs(place - centre))) in scores:
                scores[octaves].append(-math.inf if trial.score is None else trial.score)
        if scores[0] and math.isfinite(max(scores[0])):
            falls = [max(scores[0]) - max(scores[octaves]) if scores[octaves] else None for octaves in (1, 2)]
            found.append(Sensitivity(name, falls[0], falls[1]))
    return found


def _octave(search: Search, name: str, recipe: Recipe) -> float | None:
    """Return log2 of a setting in a recipe; None if it is not a positive number there."""
    value: Value = (
        float(recipe.training.get(RATE, search.base.lr)) if name == RATE else recipe.params.get(name, search.usual[name])
    )
    if isinstance(value, tuple):
        value = max(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if name in search.method.log10_params:
        return value * math.log2(10)
    return math.log2(value) if value > 0 else None
