"""Compare quality with cost: Pareto-optimal methods, and the time a method takes to reach a given quality."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from inrbench.analyse.aggregate import CONSTANT, constant, usable
from inrbench.analyse.leaderboard import Entry, Leaderboard
from inrbench.analyse.runs import ComparableRuns, metrics_of
from inrbench.analyse.statistics import pareto, time_to_reach

TARGETS = (30.0, 35.0, 40.0)
"""Targets in decibels for which the training time is reported."""
COSTS = {"train time": "s", "parameters": "", "GPU memory": "MiB"}
"""Costs that quality is compared with, and their units."""
SAME = 1.1
"""Largest factor between costs that count as equal: parameter counts are matched by design."""
_COST_OF: dict[str, Callable[[Entry], float | None]] = {
    "train time": lambda row: row.train_seconds.mean if row.train_seconds else None,
    "parameters": lambda row: row.n_params,
    "GPU memory": lambda row: row.gpu_bytes.mean / 2**20 if row.gpu_bytes else None,
}


def costs_of(leaderboard: Leaderboard, cost: str) -> dict[str, tuple[float, float]]:
    """Return (cost, primary metric) of each complete method by label; the constant, which costs nothing, is left out.

    Empty for times that were not measured under the same conditions, and for costs that are the same for all methods.
    """
    if not leaderboard.metrics or (cost == "train time" and not leaderboard.worker_layout):
        return {}
    of, metric = _COST_OF[cost], leaderboard.metrics[0]
    found = {
        row.label: (spent, cell.mean)
        for row in leaderboard.rows
        if row.complete
        and row.label != CONSTANT
        and (cell := row.cells.get(metric.id)) is not None
        and (spent := of(row)) is not None
    }
    costs = [point[0] for point in found.values()]
    return {} if costs and max(costs) <= SAME * min(costs) else found


def pareto_sets(leaderboard: Leaderboard) -> dict[str, list[str]]:
    """Return, for each cost, the complete methods that are Pareto-optimal in the primary metric and this cost.

    Costs known for fewer than two methods are left out.
    """
    sets = {}
    for cost in COSTS:
        points = costs_of(leaderboard, cost)
        sign = -1.0 if points and leaderboard.metrics[0].higher_is_better else 1.0
        if len(points) > 1:
            sets[cost] = pareto({label: (spent, sign * quality) for label, (spent, quality) in points.items()})
    return sets


@dataclass(frozen=True)
class TimeTo:
    """Training time of a method to reach a target.

    Args:
        label: The method.
        target: Value of the primary metric, in decibels.
        seconds: Median over runs of the seconds of training; infinite if most runs never reached the target.
        reached: Number of runs that reached the target.
        runs: Number of runs.
        longest: Seconds of training of the longest run.
    """

    label: str
    target: float
    seconds: float
    reached: int
    runs: int
    longest: float


def times_to_targets(group: ComparableRuns, targets: Sequence[float] = TARGETS) -> list[TimeTo]:
    """Return the time that each method takes to reach each target, if the primary metric is in decibels.

    Targets that no run reached are left out. Times are read at the points of the learning curves. A run that never reached
    a target, failed, or did not train counts as infinitely long (right-censored). Runs whose times are not comparable are left
    out. Trials of a search have no times to targets, because their curves have too few points.
    """
    metrics = metrics_of(group.runs)
    if not metrics or metrics[0].unit != "dB" or group.track == "search":
        return []
    without = group.runs[~usable(group.runs) & ~constant(group.runs) & group.runs["status"].ne("skipped")]
    never = without["label"].value_counts().to_dict()
    timed = group.runs[usable(group.runs) & ~constant(group.runs)]
    if "train_seconds" in timed:
        timed = timed[timed["train_seconds"].notna()]
    found = []
    for target in targets:
        rows = []
        for label, runs in timed.groupby("label", sort=True):
            seconds = [
                time_to_reach([p["train_seconds"] for p in curve], [p["value"] for p in curve], lambda v: v >= target)  # noqa: B023
                for curve in runs["curve"]
            ]
            known = [np.inf if s is None else s for s in seconds] + [np.inf] * never.get(label, 0)
            longest = max(curve[-1]["train_seconds"] for curve in runs["curve"])
            rows.append(TimeTo(str(label), target, float(np.median(known)), int(np.isfinite(known).sum()), len(known), longest))
        if any(row.reached for row in rows):
            found += rows
    return found
