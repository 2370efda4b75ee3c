"""The fall of the score when a setting is off, from the trials of a search."""

import math
from dataclasses import replace

import pytest

from inrbench.planning.request import Recipe
from inrbench.planning.sensitivity import Sensitivity, sensitivities
from inrbench.planning.tuning import Trial, make_search
from inrbench.registry import Registry

REGISTRY = Registry()


def search(method: str, recipes: list[Recipe]):
    task = REGISTRY.task("photo")
    made = make_search(REGISTRY.method(method), task, task, "quick", 2, (0,), "cpu")
    return replace(made, trials=tuple(recipes))


def rate(value: float, **params: float) -> Recipe:
    return Recipe(params, {"lr": repr(value), "lr_min": repr(value / 2)})


def trials(*scores: float | None) -> list[Trial]:
    return [Trial(number, score, "") for number, score in enumerate(scores)]


def test_falls_are_differences_to_the_best_trial_at_each_distance():
    best = rate(4e-3)
    found = search("relu", [Recipe(), best, rate(8e-3), rate(2.1e-3), rate(16e-3), rate(4.2e-3), rate(2e-4)])
    (fall,) = sensitivities(found, trials(20.0, 30.0, 28.0, 25.0, 12.0, 31.0, 5.0), best)
    assert fall == Sensitivity("lr", 31.0 - 28.0, 31.0 - 20.0), "Recipe() has the learning rate of the protocol, 1e-3"


def test_a_distance_without_a_trial_has_no_fall_and_a_failed_trial_has_an_infinite_one():
    best = rate(1e-3)
    found = search("relu", [Recipe(), rate(4e-3)])
    (fall,) = sensitivities(found, trials(20.0, 17.0), best)
    assert fall == Sensitivity("lr", None, 3.0)
    assert str(fall) == "lr x2: no trial, x4: -3.00"
    found = search("relu", [Recipe(), rate(2e-3), rate(4e-3)])
    (fall,) = sensitivities(found, trials(20.0, None, 17.0), best)
    assert fall == Sensitivity("lr", math.inf, 3.0)
    assert str(fall) == "lr x2: failed, x4: -3.00"


def test_parameters_have_their_own_falls_and_those_that_are_none_have_no_place():
    best = rate(1e-3, omega=40.0)
    found = search("siren", [best, rate(1e-3, omega=20.0), rate(1e-3, omega=80.0, omega_first=10.0), rate(1e-3, omega=10.0)])
    falls = {fall.name: fall for fall in sensitivities(found, trials(30.0, 27.0, 26.0, 21.0), best)}
    assert falls["omega"] == Sensitivity("omega", 3.0, 9.0)
    assert "omega_first" not in falls, "the best recipe leaves it at None"


@pytest.mark.parametrize(("s_max", "octaves"), [(3.6 + math.log10(2), 1), (3.6 - math.log10(4), 2)])
def test_a_logarithm_of_a_frequency_is_off_by_adding(s_max, octaves):
    best = rate(1e-3, s_max=3.6)
    found = search("msa", [best, rate(1e-3, s_max=s_max)])
    falls = {fall.name: fall for fall in sensitivities(found, trials(30.0, 26.0), best)}
    assert falls["s_max"] == Sensitivity("s_max", *((4.0, None) if octaves == 1 else (None, 4.0)))
