"""Tuned recipes: written by a search, read from a results folder, and published with inrbench."""

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from inrbench.errors import NothingFound, StoreError
from inrbench.planning.request import FOUND_BY_SEARCH, Recipe, Request
from inrbench.planning.sensitivity import Sensitivity
from inrbench.planning.trials import LEARNING_RATES, TUNED_FIELDS
from inrbench.planning.tuning import BestTrial, Search
from inrbench.registry import Registry, parse_selection
from inrbench.spec import TUNED
from inrbench.store.files import below, read_regular, write_atomically

USUAL_BUDGET = 4
"""Budget of the published recipes."""
LARGEST_FALL = 1e6
"""Limit for the fall of a score, in dB, decades or units of the score."""
MALFORMED = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError)
"""Exceptions that a file with other content can raise."""


@dataclass(frozen=True)
class Tuned:
    """The recipe that a search found.

    Args:
        task: Name of the task.
        method: Name of the method.
        protocol: Name of the protocol.
        recipe: The recipe.
        budget: The budget of the search.
        facts: The budget and the ranges in words, for captions.
        falls: Change of the best score among trials of the first round with a setting that is off, one per setting.
    """

    task: str
    method: str
    protocol: str
    recipe: Recipe
    budget: int
    facts: str = field(default="", compare=False)
    falls: tuple[Sensitivity, ...] = field(default=(), compare=False)

    @property
    def track(self) -> str:
        """The track of runs with this recipe, such as ``tuned-4``: methods with different budgets never share a leaderboard."""
        return f"{TUNED}-{self.budget}"


def write_recipe(results: Path, search: Search, chosen: BestTrial, falls: Sequence[Sensitivity] = ()) -> Path:
    """Write the best recipe to ``tuned/<task>-<protocol>-<method>.toml`` in a results folder, and return the path.

    Args:
        results: The results folder.
        search: The search.
        chosen: The result of the search.
        falls: How far the score falls when a setting is off.
    """
    folder = tuned_folder(results)
    path = folder / f"{search.task.name}-{search.protocol}-{search.method.name}.toml"
    facts = {
        "task": search.task.name,
        "method": search.method.name,
        "protocol": search.protocol,
        "protocol_fingerprint": search.task.protocol(search.protocol).fingerprint(search.task.name, search.task.version),
        "method_sha256": Registry(search.plugin_files).source("method", search.method.name).sha256(),
        "budget": search.budget,
        "trials_in_each_round": list(search.rounds),
        "trials_that_ended_well": chosen.finished,
        "tuned_on": [f"{search.tuning_task.name}/{signal}" for signal in search.signals],
        "seeds": list(search.seeds),
        "validation": search.metric,
        "score": chosen.score,
        "score_untuned": "none" if chosen.untuned is None else chosen.untuned,
    }
    params = {name: "none" if value is None else value for name, value in chosen.recipe.params.items()}
    lines = [f"{name} = {_toml(value)}" for name, value in facts.items()]
    off = {each.name: ["none" if fall is None else fall for fall in (each.off_by_two, each.off_by_four)] for each in falls}
    tables: dict[str, Mapping[str, object]] = {
        "ranges": search.ranges,
        "params": params,
        "training": chosen.recipe.training,
        "fall_when_off_by_2_and_4": off,
    }
    for table, values in tables.items():
        lines += ["", f"[{table}]", *(f"{name} = {_toml(value)}" for name, value in values.items())]
    write_atomically(("\n".join(lines) + "\n").encode(), path)
    return path


def tuned_folder(results: Path) -> Path:
    """Return the folder of tuned recipes in a results folder. Raises StoreError if a link is in its place."""
    return below(results, "tuned")


def read_recipes(results: Path, protocol: str) -> dict[tuple[str, str], Tuned]:
    """Return (task, method) -> tuned recipe under a protocol, from a results folder.

    Raises StoreError for a file that cannot be read.
    """
    recipes = {}
    for path in sorted(tuned_folder(results).glob("*.toml")):
        try:
            found = _decoded(read_regular(path).decode("utf-8"))
        except (*MALFORMED, OSError) as error:
            raise StoreError(f"{path} is not a tuned recipe ({error}); create it again with: inrbench tune") from error
        if found.protocol == protocol:
            recipes[found.task, found.method] = found
    return recipes


def installed_recipes(protocol: str) -> dict[tuple[str, str], Tuned]:
    """Return (task, method) -> published recipe under a protocol, of those that are installed with inrbench."""
    found = [_decoded(text) for text in _published()]
    return {(each.task, each.method): each for each in found if each.protocol == protocol}


def recipes_of_track(results: Path, task: str, protocol: str, track: str) -> list[Tuned]:
    """Return the recipes of a track such as ``tuned-4``, sorted by method; an empty list for other tracks.

    Those of the results folder take precedence over those that are installed with inrbench.

    Args:
        results: The results folder.
        task: Name of the task.
        protocol: Name of the protocol.
        track: The track.

    Raises:
        StoreError: A recipe of the results folder cannot be read.
    """
    found = (each for each in _recipes(results, protocol) if each.task == task and each.track == track)
    return sorted(found, key=lambda each: each.method)


def _recipes(results: Path, protocol: str) -> list[Tuned]:
    """Return the recipes of a protocol, one per task, method and budget."""
    both = (*installed_recipes(protocol).values(), *read_recipes(results, protocol).values())
    return list({(each.task, each.method, each.budget): each for each in both}.values())


def _published() -> list[str]:
    """Return the texts of the recipes that are installed with inrbench."""
    folder = resources.files("inrbench.results").joinpath("published", "tuned")
    if not folder.is_dir():
        return []
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name)
    return [each.read_text(encoding="utf-8") for each in files]


def _decoded(text: str) -> Tuned:
    """Return the recipe in a file's text. Raises one of MALFORMED for other text."""
    facts = tomllib.loads(text)
    params = {name: _param(value) for name, value in dict(facts["params"]).items()}
    training = {str(name): str(value) for name, value in facts["training"].items()}
    _refuse_more_than_tuning(params, training, facts["ranges"])
    search_ranges = ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in dict(facts["ranges"]).items())
    signals = ", ".join(map(str, facts["tuned_on"]))
    budget = int(facts["budget"])
    seeds = len(facts.get("seeds", [0]))
    with_seeds = f" with {seeds} seeds" if seeds > 1 else ""
    source = f"{FOUND_BY_SEARCH} {budget} runs on {signals}{with_seeds} by {facts['validation']}; {search_ranges}"
    falls = tuple(
        Sensitivity(_setting(name), _fall(by_two), _fall(by_four))
        for name, (by_two, by_four) in dict(facts.get("fall_when_off_by_2_and_4", {})).items()
    )
    return Tuned(
        str(facts["task"]),
        str(facts["method"]),
        str(facts["protocol"]),
        Recipe(params, training, source, str(facts.get("protocol_fingerprint", "")), str(facts.get("method_sha256", ""))),
        budget,
        source,
        falls,
    )


def _setting(name: Any) -> str:
    """Return the name of a setting. Raises ValueError for a text that is no name: it is drawn in figures."""
    if not str(name).isidentifier():
        raise ValueError(f"{name!r} is not the name of a setting")
    return str(name)


def _fall(value: Any) -> float | None:
    """Return a fall of the score: None if no trial is known, infinite if all trials failed.

    Raises ValueError for other values.
    """
    fall = None if value == "none" else float(value)
    if fall is not None and not (fall == math.inf or abs(fall) < LARGEST_FALL):
        raise ValueError(f"a score does not fall by {value}")
    return fall


def _param(value: Any) -> Any:
    """Return a parameter's value: a list is that of a parameter with one number per layer."""
    return None if value == "none" else tuple(value) if isinstance(value, list) else value


def _refuse_more_than_tuning(params: Mapping[str, Any], training: Mapping[str, str], search_ranges: Mapping[str, Any]) -> None:
    """Raise ValueError for a recipe that changes more than learning rates and parameters within its ranges.

    Recipes may come from an untrusted source. A wider network or more epochs under the same fingerprint would win any
    leaderboard.
    """
    if more := sorted(training.keys() - TUNED_FIELDS):
        raise ValueError(f"it sets {more[0]}, which a search never changes")
    for name, text in training.items():
        rate = float(text)
        if not (0 < rate <= LEARNING_RATES[1] or (name == "lr_min" and rate == 0)):
            raise ValueError(f"it sets {name} to {text}, outside the range of a search")
    for name, value in params.items():
        if name not in search_ranges:
            raise ValueError(f"it sets {name}, which is not among its ranges")
        low, high = map(float, search_ranges[name])
        numbers = value if isinstance(value, tuple) else () if value is None else (value,)
        if any(isinstance(n, bool) or not isinstance(n, int | float) or not low <= n <= high for n in numbers):
            raise ValueError(f"it sets {name} to {value}, outside its range")


def tuned_requests(request: Request, results: Path) -> list[Request]:
    """Return one request per tuning budget, for a request of the track ``tuned``, or of one budget such as ``tuned-4``.

    Recipes of the results folder take precedence over those that are installed with inrbench. Each budget has its own track.

    Args:
        request: The request.
        results: The results folder.

    Raises:
        NothingFound: Nothing was tuned, or nothing with this budget.
    """
    protocol = request.suite or request.protocol
    wanted = request.track.removeprefix(f"{TUNED}-") if request.track.startswith(f"{TUNED}-") else ""
    every = _recipes(results, protocol)
    found = [each for each in every if wanted in ("", str(each.budget))]
    budgets = sorted({tuned.budget for tuned in found})
    if not budgets:
        names = ",".join(dict.fromkeys(selection.name for selection in parse_selection(request.methods)))
        with_budget = f" with a budget of {wanted}" if wanted else ""
        others = sorted({f"{TUNED}-{each.budget}" for each in every})
        raise NothingFound(
            f"nothing was tuned for protocol '{protocol}'{with_budget} in '{results}'; use --track "
            f"{' or '.join([*others, 'paper'])}, or run: inrbench tune --methods "
            f"{names} --tasks {request.tasks or 'all'} --protocol {protocol} --budget {wanted or USUAL_BUDGET}"
        )
    return [
        replace(
            request,
            track=f"{TUNED}-{budget}",
            recipes={(each.task, each.method): each.recipe for each in found if each.budget == budget},
        )
        for budget in budgets
    ]


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        raise TypeError("no tables inside tables")
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return json.dumps(value) if isinstance(value, str) else repr(value)
