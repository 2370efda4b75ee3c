"""Tune every method with the same budget, over declared ranges, on signals that no test uses.

The budget is counted in full runs of the protocol per signal and seed. Successive halving (Li et al. 2018, with a factor of 4)
gets more trials from it: all trials start with a sixteenth of the epochs, the best quarter continues with a quarter of the
epochs, and the best quarter of those with all epochs. Each of these is a separate run whose schedule fits its number of epochs.
Runs of the track ``search`` are stored and resumed like all other runs. Trials are ranked by the task's tuning metric. Trial 0
has the settings of the track ``paper``. It takes part in every round, so that the gain from tuning is known.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inrbench.errors import BadValue, NothingFound
from inrbench.planning.request import Recipe, Request
from inrbench.planning.trials import trials_of, tried_ranges
from inrbench.registry import Method, Task
from inrbench.spec import Protocol, Value
from inrbench.store import load_results

HALVING = 4
"""Of this many trials, one continues in the next round, with as many times the epochs."""
EPOCH_DIVISORS = (HALVING**2, HALVING, 1)
"""Divisor of the number of epochs in each round."""
METRIC_COLUMNS = ["run_id", "status", "id", "value", "scale", "higher_is_better"]
"""Columns of the table of metrics that ranking needs; they are absent if no run has a metric."""


@dataclass(frozen=True)
class Search:
    """The search for one method, on one task's tuning signals, under one protocol.

    Args:
        method: The method to tune.
        task: The task that the recipe is for.
        tuning_task: The task that has the tuning signals; it may be ``task`` itself.
        signals: The tuning signals.
        protocol: Name of the protocol.
        seeds: Seeds of each trial.
        device: ``cpu`` or ``cuda:i``.
        budget: Full runs per signal and seed.
        trials: The recipes to try. ``trials[0]`` changes nothing.
        plugin_files: Files with the user's methods and tasks.
    """

    method: Method
    task: Task
    tuning_task: Task
    signals: tuple[str, ...]
    protocol: str
    seeds: tuple[int, ...]
    device: str
    budget: int
    trials: tuple[Recipe, ...]
    plugin_files: tuple[Path, ...] = ()

    @property
    def metric(self) -> str:
        """Id of the metric by which trials are ranked."""
        return self.task.tuning_metric or self.base.metrics[0]

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The range of the learning rate and of each parameter that is tried."""
        return tried_ranges(self.method, self.tuning_task, self.base, self.signals[0])

    @property
    def base(self) -> Protocol:
        """The protocol whose learning rate a search changes."""
        return self.tuning_task.protocol(self.protocol)

    @property
    def usual(self) -> dict[str, Value]:
        """The method's usual parameters on the first tuning signal."""
        return self.method.params_for(self.tuning_task.name, self.tuning_task.kind, self.signals[0], self.protocol)

    @property
    def rounds(self) -> tuple[int, ...]:
        """Number of trials in each round."""
        return rounds_of(self.budget)

    def requests(self, round_number: int, trials: Sequence[int]) -> list[Request]:
        """Return the requests of a round, one per given trial."""
        return [
            Request(
                methods=self.method.name,
                tasks=self.tuning_task.name,
                protocol=self.protocol,
                signals=",".join(self.signals),
                seeds=self.seeds,
                device=self.device,
                track="search",
                changes=self.base.shortening(EPOCH_DIVISORS[round_number]),
                plugin_files=self.plugin_files,
                recipes={(self.tuning_task.name, self.method.name): self.trials[number]},
                metrics=(self.metric,),  # a trial is short: the other metrics would take as long as its training
            )
            for number in trials
        ]


def rounds_of(budget: int) -> tuple[int, ...]:
    """Return the number of trials in each round, including trial 0, for a budget in full runs.

    Trial 0 and at least one other trial are in the last round, so that a budget below 6 costs up to 1.1 runs more.

    >>> rounds_of(20), rounds_of(6), rounds_of(2)
    ((106, 26, 6), (32, 8, 2), (10, 2, 2))
    """
    first = budget * EPOCH_DIVISORS[0] // len(EPOCH_DIVISORS)
    return first, max(2, first // HALVING), max(2, first // HALVING**2)


def full_runs(budget: int) -> float:
    """Return the cost of a search in full runs per signal and seed. It is a little more than a small budget.

    >>> full_runs(4), full_runs(20)
    (4.5625, 19.125)
    """
    return sum(trials / divisor for trials, divisor in zip(rounds_of(budget), EPOCH_DIVISORS, strict=True))


@dataclass(frozen=True)
class Trial:
    """The score of a trial in a round.

    Args:
        number: Number of the trial; 0 is the one without changes.
        score: Mean of the tuning metric (of its logarithm to base 10 on a log scale), negated if lower values are better; None
            if a run failed or the mean is not finite.
        shown: The score as text for the user.
    """

    number: int
    score: float | None
    shown: str


@dataclass(frozen=True)
class BestTrial:
    """The result of a search.

    Args:
        recipe: The best recipe.
        score: Its score, as in ``Trial``.
        untuned: The score of trial 0; None if it failed.
        finished: Number of trials of the last round in which every run ended ok.
    """

    recipe: Recipe
    score: float
    untuned: float | None
    finished: int


def make_search(
    method: Method,
    task: Task,
    tuning_task: Task,
    protocol: str,
    budget: int,
    seeds: Sequence[int],
    device: str,
    plugin_files: Sequence[Path] = (),
) -> Search:
    """Return the search for a method.

    Args:
        method: The method to tune.
        task: The task that the recipe is for. It names the tuning signals and the validation metric.
        tuning_task: The task that has the tuning signals.
        protocol: Name of the protocol of the trials.
        budget: Full runs per signal and seed.
        seeds: Seeds of each trial.
        device: ``cpu`` or ``cuda:i``.
        plugin_files: Files with the user's methods and tasks.

    Raises:
        BadValue: The task has no tuning signals, or the method has nothing to tune.
    """
    if task.tuning_split is None:
        raise BadValue(
            f"task '{task.name}' has no tuning signals, and tuning must not use its test signals. "
            "Set tuning signals in its file: tuning_split = (task, (signal, ...))"
        )
    if method.closed_form:
        raise BadValue(f"method '{method.name}' is solved in closed form: there is nothing to tune; it is on every track")
    _, signals = task.tuning_split
    trials = trials_of(method, tuning_task, tuning_task.protocol(protocol), signals[0], rounds_of(budget)[0])
    return Search(method, task, tuning_task, signals, protocol, tuple(seeds), device, budget, trials, tuple(plugin_files))


def rank_trials(search: Search, runs_of_trials: Mapping[int, Sequence[str]], results: Path) -> list[Trial]:
    """Return the scores of the trials of a round, the best first and failed trials last.

    Args:
        search: The search.
        runs_of_trials: Number of a trial -> ids of its runs.
        results: The results folder.

    Raises:
        NothingFound: Trials were stored by a search that ranked them by another metric.
    """
    runs = load_results(results, table="metrics").reindex(columns=METRIC_COLUMNS)
    runs = runs[(runs["status"] == "ok") & runs["run_id"].isin({run for ids in runs_of_trials.values() for run in ids})]
    stored = set(runs["run_id"])
    runs = runs[runs["id"] == search.metric].set_index("run_id")
    if other := stored - set(runs.index):
        raise NothingFound(
            f"{len(other)} runs of trials of {search.method.name} in '{results}' were stored without '{search.metric}', "
            "which ranks this search; choose another folder: --results OTHER"
        )
    found = []
    for number, run_ids in runs_of_trials.items():
        ids = list(run_ids)
        score, shown = None, "failed"
        if all(run_id in runs.index for run_id in ids):
            rows = runs.loc[ids]
            log = bool((rows["scale"] == "log").all())
            mean = float((np.log10(rows["value"]) if log else rows["value"]).mean(skipna=False))
            if math.isfinite(mean):
                score = mean if rows["higher_is_better"].all() else -mean
                shown = f"{search.metric} {10**mean if log else mean:.4g}"
        found.append(Trial(number, score, shown))
    return sorted(found, key=lambda trial: (trial.score is None, -(trial.score or 0.0), trial.number))


def promote(search: Search, round_number: int, ranked: Sequence[Trial]) -> list[int]:
    """Return the numbers of the trials that continue in the next round: the best, and always trial 0 in one of the places.

    Args:
        search: The search.
        round_number: Number of the round that has ended, from 0.
        ranked: The trials of this round, the best first.
    """
    places = search.rounds[round_number + 1]
    best = [trial.number for trial in ranked if trial.score is not None][:places]
    return sorted(best if 0 in best else [0, *best[: places - 1]])


def choose(search: Search, ranked: Sequence[Trial]) -> BestTrial:
    """Return the best trial of the last round. Raises NothingFound if all of them failed."""
    well = [trial for trial in ranked if trial.score is not None]
    if not well:
        name = search.tuning_task.name
        raise NothingFound(f"no trial of {search.method.name} on {name} has a value of '{search.metric}'")
    best, untuned = well[0], next((trial.score for trial in well if trial.number == 0), None)
    assert best.score is not None
    return BestTrial(search.trials[best.number], best.score, untuned, len(well))


def describe_trial(recipe: Recipe) -> str:
    """Return the settings of a trial as text: ``lr=0.00123, omega=17.3``.

    >>> describe_trial(Recipe({"omega": 17.3}, {"lr": "0.00123", "lr_min": "0.0001"})), describe_trial(Recipe())
    ('lr=0.00123, omega=17.3', 'as usual')
    """
    source = [f"{name}={value}" for name, value in recipe.training.items() if name != "lr_min"]
    return ", ".join(source + [f"{name}={value}" for name, value in recipe.params.items()]) or "as usual"
