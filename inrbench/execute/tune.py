"""An equal search for every method: the same number of trials over declared ranges, judged where no test will look.

Trials are ordinary runs of the track ``search``, on the task's tuning signals, stored and resumed as all runs are. They are
ranked by the task's validation metric, measured off the points that were fitted. Trial 0 is what the track ``paper`` does.
"""

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import qmc

from inrbench.errors import BadValue, NothingFound, StoreError
from inrbench.execute.plan import Recipe, Request, make_plan
from inrbench.registry import Method, Task
from inrbench.spec import Protocol
from inrbench.store import load_results

LEARNING_RATES = (1e-4, 2e-2)
DIGITS = 3
"""Of the values that are tried."""


@dataclass(frozen=True)
class Search:
    """One method's search on one task's tuning signals under one protocol."""

    method: Method
    task: Task
    tuning_task: str
    signals: tuple[str, ...]
    protocol: str
    seeds: tuple[int, ...]
    device: str
    trials: tuple[Recipe, ...]

    def requests(self) -> list[Request]:
        """Return a request for each trial."""
        return [
            Request(
                methods=self.method.name, tasks=self.tuning_task, protocol=self.protocol, signals=",".join(self.signals),
                seeds=self.seeds, device=self.device, track="search",
                recipes={(self.tuning_task, self.method.name): recipe},
            )
            for recipe in self.trials
        ]  # fmt: skip


@dataclass(frozen=True)
class Chosen:
    """A search's end: the best recipe, and the mean of the validation metric by it and by trial 0."""

    recipe: Recipe
    score: float
    untuned: float | None
    finished: int
    """Trials of which every run ended well."""


def make_search(
    method: Method, task: Task, tuning_task: Task, protocol: str, budget: int, seeds: Sequence[int], device: str
) -> Search:
    """Return the search. Raises BadValue for a task without tuning signals."""
    if task.tuning is None or not task.validation:
        raise BadValue(f"task '{task.name}' has no tuning signals: nothing can be tuned for it without looking at its tests")
    _, signals = task.tuning
    base = tuning_task.protocol(protocol)
    trials = (Recipe(), *(_recipe(method, base, point) for point in _points(len(method.ranges) + 1, budget - 1)))
    return Search(method, task, tuning_task.name, signals, protocol, tuple(seeds), device, trials)


def choose(search: Search, results: Path) -> Chosen:
    """Return the best trial of those whose runs all ended well. Raises NothingFound if none did."""
    runs = load_results(results, table="metrics")
    runs = runs[(runs["status"] == "ok") & (runs["id"] == search.task.validation)].set_index("run_id")
    scores: dict[int, float] = {}
    for number, request in enumerate(search.requests()):
        ids = [job.spec.run_id for job in make_plan(request, {})[0].todo]
        if all(run_id in runs.index for run_id in ids):
            found = runs.loc[ids]
            values = np.log(found["value"]) if (found["scale"] == "log").all() else found["value"]
            scores[number] = float(values.mean()) * (1 if found["higher_is_better"].all() else -1)
    scores = {number: score for number, score in scores.items() if math.isfinite(score)}
    if not scores:
        raise NothingFound(f"no trial of {search.method.name} on {search.tuning_task} ended with '{search.task.validation}'")
    best = max(scores, key=lambda number: (scores[number], -number))
    return Chosen(search.trials[best], scores[best], scores.get(0), len(scores))


def write_recipe(results: Path, search: Search, chosen: Chosen) -> Path:
    """Keep what was chosen in ``tuned/<task>-<protocol>-<method>.toml`` of a results folder, and return the file."""
    folder = results / "tuned"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{search.task.name}-{search.protocol}-{search.method.name}.toml"
    facts = {
        "task": search.task.name, "method": search.method.name, "protocol": search.protocol, "budget": len(search.trials),
        "trials_that_ended_well": chosen.finished, "tuned_on": [f"{search.tuning_task}/{signal}" for signal in search.signals],
        "seeds": list(search.seeds), "validation": search.task.validation, "score": chosen.score,
        "score_untuned": "none" if chosen.untuned is None else chosen.untuned,
    }  # fmt: skip
    ranges = {"lr": LEARNING_RATES, **search.method.ranges}
    lines = [f"{name} = {_toml(value)}" for name, value in facts.items()]
    for table, values in (("ranges", ranges), ("params", chosen.recipe.params), ("training", chosen.recipe.training)):
        lines += ["", f"[{table}]", *(f"{name} = {_toml(value)}" for name, value in values.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read_recipes(results: Path, protocol: str) -> dict[tuple[str, str], Recipe]:
    """Return (task, method) -> what was chosen under a protocol. Raises StoreError for a file that cannot be read."""
    recipes = {}
    for path in sorted((results / "tuned").glob("*.toml")):
        try:
            facts = tomllib.loads(path.read_text(encoding="utf-8"))
            if facts["protocol"] == protocol:
                params, training = dict(facts["params"]), {str(name): str(value) for name, value in facts["training"].items()}
                recipes[str(facts["task"]), str(facts["method"])] = Recipe(params, training)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OSError) as error:
            raise StoreError(f"{path} is no tuned recipe ({error}); make it again with: inrbench tune") from error
    return recipes


def _points(dimensions: int, count: int) -> np.ndarray:
    """Return ``count`` points of the unit cube that fill it evenly, the same every time."""
    power = math.ceil(math.log2(max(count, 1)))
    points: np.ndarray = qmc.Sobol(dimensions, seed=0).random_base2(power)[:count]
    return points


def _recipe(method: Method, protocol: Protocol, point: np.ndarray) -> Recipe:
    """Return the trial at a point of the unit cube: a learning rate, whose schedule falls as far as usual, and parameters."""
    rate, *values = (_within(ends, share) for ends, share in zip((LEARNING_RATES, *method.ranges.values()), point, strict=True))
    training = {"lr": repr(rate), "lr_min": repr(float(f"{rate * protocol.lr_min / protocol.lr:.{DIGITS}g}"))}
    return Recipe(dict(zip(method.ranges, values, strict=True)), training)


def _within(ends: tuple[float, float], share: float) -> float:
    low, high = ends
    value = low * (high / low) ** share if low > 0 else low + (high - low) * share
    return float(f"{value:.{DIGITS}g}")


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        raise TypeError("no tables inside tables")
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return json.dumps(value) if isinstance(value, str) else repr(value)
