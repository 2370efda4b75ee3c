"""One answer over many tables: which methods win, how often, and by how much.

A table counts as much as any other, however many signals it has; within a table, every signal counts the same. Seeds of a
signal are averaged first. Only methods that were run on every signal of every table take part, with their usual parameters. On
a signal on which a run of a method failed or did not train, the method is behind all others, and has no distance to the best.

Wins and ranks are counted against the methods that are trained. A reference, which is solved by least squares, is compared with
them too, but is nobody's opponent: more references would make every method look better. Distances are to the best of all.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inrbench.analyse.aggregate import scores_by_signal, usable
from inrbench.analyse.run_notes import on_absent_signals
from inrbench.analyse.runs import ComparableRuns, metrics_of, solved
from inrbench.analyse.statistics import RESAMPLES, Interval, bootstrap_quantiles
from inrbench.errors import NothingFound
from inrbench.registry import Registry
from inrbench.spec import Metric

Array = NDArray[np.float64]
FAMILIES = {
    "function": "fitting", "image": "fitting", "video": "fitting", "volume": "fitting", "audio": "sound", "shape": "shapes",
    "restoration": "inverse problems", "ct": "inverse problems", "radiance": "inverse problems", "pde": "equations",
}  # fmt: skip
"""Kind of task -> family of tables."""
OFF_GRID = "off-grid"
"""Family of the metrics at points between the fitted ones."""
EQUATIONS = "equations"
"""A family with methods of its own, such as the PINN variants."""
MIN_METHODS = 2


@dataclass(frozen=True)
class OverallEntry:
    """A method over all tables, with 95 % bootstrap intervals over signals.

    Args:
        label: The method.
        win_rate: Share of comparisons with another trained method on a signal that it wins; a tie counts as half.
        mean_rank: Mean rank among the trained methods; 1 is best.
        gaps: Unit -> mean distance to the best row of each signal, over the tables with this unit: dB, decades (powers of
            ten of an error), or "" for numbers without a unit.
        trained: Share of signals on which all of its runs trained; the distances are means over these.
    """

    label: str
    win_rate: Interval
    mean_rank: Interval
    gaps: dict[str, Interval]
    trained: float


@dataclass(frozen=True)
class Overall:
    """The result over a family of tables.

    Args:
        family: Name of the family, or ``all``.
        entries: The methods, the highest win rate first.
        tables: Names of the tables, and the numbers of their signals.
        units: Names of the tables, and the units of their distances.
        left_out: Method -> tables in which it is missing.
    """

    family: str
    entries: list[OverallEntry]
    tables: dict[str, int]
    units: dict[str, str]
    left_out: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Table:
    name: str
    family: str
    unit: str
    losses: pd.DataFrame
    """One row per signal and one column per method; lower is better; NaN where a method failed or did not train."""
    absent: set[str]
    """Methods that were not run on all signals."""
    solved: set[str]
    """References."""


def overall(groups: Sequence[ComparableRuns]) -> list[Overall]:
    """Return the result over all tables, then those of families of tasks, each if two methods or more are in all its tables.

    Equations are not part of the result over all tables if they lack a method that is in all the others: they have methods of
    their own.

    Args:
        groups: Runs of one table each, of one track, engine and class of device.

    Raises:
        NothingFound: No two methods are in all tables of a family.
    """
    registry = Registry()
    tables = [table for group in groups for table in _tables(group, registry)]
    primary = [table for table in tables if table.family != OFF_GRID]
    others = [table for table in primary if table.family != EQUATIONS]
    found = [_combined("all", others if len(_everywhere(others)) > len(_everywhere(primary)) else primary)]
    families = dict.fromkeys(table.family for table in tables)
    if len(families) > 1:
        found += [_combined(family, [table for table in tables if table.family == family]) for family in families]
    dense = [each for each in found if each.entries]
    if not dense:
        raise NothingFound("no two methods are in all of these tables; choose tables with --tasks and --protocol")
    return dense


def _everywhere(tables: Sequence[_Table]) -> set[str]:
    """Return the methods that were run on all signals of all tables; none without a table."""
    found = [{str(label) for label in table.losses.columns} - table.absent for table in tables]
    return set.intersection(*found) if found else set()


def _tables(group: ComparableRuns, registry: Registry) -> list[_Table]:
    """Return a table of the primary metric, and one of the first metric between the fitted points, if there is one."""
    metrics = metrics_of(group.runs)
    if not metrics:
        return []
    kind = registry.task(group.task).kind if group.task in registry.tasks else ""
    family = FAMILIES.get(kind, "other")
    off_grid = [(metric, OFF_GRID) for metric in metrics[1:] if is_off_grid(metric)]
    chosen = [(metrics[0], family), *off_grid[:1]]
    return [_table(group, metric, each) for metric, each in chosen]


def is_off_grid(metric: Metric) -> bool:
    """Return whether a metric is measured between the points of a fitted grid."""
    return "offgrid" in metric.id or metric.id.startswith("iou-random")


def _table(group: ComparableRuns, metric: Metric, family: str) -> _Table:
    present = group.runs[~on_absent_signals(group.runs)]
    usual = present[present["variant"].fillna("") == ""]
    scores = scores_by_signal(replace(group, runs=usual), metric)
    runs = usual.groupby(["signal", "label"]).size().unstack("label").notna()
    all_trained = usable(usual).groupby([usual["signal"], usual["label"]]).all().unstack("label")
    scores = scores.reindex(index=runs.index, columns=runs.columns).where(all_trained.eq(True))
    sign = -1.0 if metric.higher_is_better else 1.0
    absent = {str(label) for label in runs.columns[~runs.all()]}
    references = {str(label) for label in usual.loc[solved(usual), "label"].unique()}
    return _Table(f"{group.task} ({metric.id})", family, metric.scale_unit, sign * scores, absent, references)


def _combined(family: str, tables: Sequence[_Table]) -> Overall:
    everyone = sorted({str(label) for table in tables for label in table.losses.columns})
    left_out = {
        label: missing
        for label in everyone
        if (missing := [table.name for table in tables if label in table.absent or label not in table.losses.columns])
    }
    methods = [label for label in everyone if label not in left_out]
    sizes = {table.name: len(table.losses) for table in tables}
    units = {table.name: table.unit for table in tables}
    if len(methods) < MIN_METHODS:
        return Overall(family, [], sizes, units, left_out)
    losses = [table.losses[methods].to_numpy(dtype=float) for table in tables]
    opponents = _opponents(methods, set().union(*(table.solved for table in tables)))
    random = np.random.default_rng(0)
    picks = [random.integers(len(each), size=(RESAMPLES, len(each))) for each in losses]
    wins = _intervals([win_shares(each, opponents) for each in losses], picks)
    ranks = _intervals([ranks_of(each, opponents) for each in losses], picks)
    gaps = {}
    for unit in dict.fromkeys(table.unit for table in tables):
        places = [i for i, table in enumerate(tables) if table.unit == unit]
        gaps[unit] = _intervals([_gaps(losses[i]) for i in places], [picks[i] for i in places])
    trained = np.mean([np.isfinite(each).mean(axis=0) for each in losses], axis=0)
    entries = [
        OverallEntry(label, wins[i], ranks[i], {unit: each[i] for unit, each in gaps.items()}, float(trained[i]))
        for i, label in enumerate(methods)
    ]
    entries.sort(key=lambda entry: (-entry.win_rate.mean, entry.label))
    return Overall(family, entries, sizes, units, left_out)


def _opponents(labels: Sequence[str], references: Collection[str]) -> NDArray[np.bool_]:
    """Return a mask of the methods with which others are compared: the trained ones, or all if only references are left."""
    mask = np.array([label not in references for label in labels])
    return mask if mask.sum() >= MIN_METHODS else np.ones(len(labels), dtype=bool)


def win_shares(losses: Array, opponents: NDArray[np.bool_] | None = None) -> Array:
    """Return, for each signal and method, the share of its opponents that it beats; a tie counts as half.

    Args:
        losses: One row per signal and one column per method; NaN is behind all numbers.
        opponents: Mask of the methods with which all are compared; all if not given. No method is its own opponent.

    >>> win_shares(np.array([[1.0, 2.0, 2.0], [3.0, np.nan, 1.0]])).tolist()
    [[1.0, 0.25, 0.25], [0.5, 0.0, 1.0]]
    >>> win_shares(np.array([[1.0, 2.0, 3.0]]), np.array([True, False, True])).tolist()
    [[1.0, 0.5, 0.0]]
    """
    chosen = np.ones(losses.shape[1], dtype=bool) if opponents is None else opponents
    filled = np.where(np.isnan(losses), np.inf, losses)
    against = filled[:, None, chosen]
    ahead = (filled[:, :, None] < against).sum(axis=2)
    level = (filled[:, :, None] == against).sum(axis=2) - chosen
    shares: Array = (ahead + level / 2) / (chosen.sum() - chosen)
    return shares


def win_rates(group: ComparableRuns) -> dict[str, float]:
    """Return the win rate of each method in one table by its primary metric, without intervals.

    Methods that were not run on every signal are left out. Empty with fewer than two methods.

    Args:
        group: Runs of one table.
    """
    if not (metrics := metrics_of(group.runs)):
        return {}
    table = _table(group, metrics[0], "")
    losses = table.losses.drop(columns=sorted(table.absent))
    if losses.shape[1] < MIN_METHODS:
        return {}
    opponents = _opponents([str(label) for label in losses.columns], table.solved)
    rates = win_shares(losses.to_numpy(dtype=float), opponents).mean(axis=0)
    return dict(zip(map(str, losses.columns), map(float, rates), strict=True))


def ranks_of(losses: Array, opponents: NDArray[np.bool_] | None = None) -> Array:
    """Return the rank of each method among its opponents on each signal; ties share their mean rank.

    Args:
        losses: As for ``win_shares``.
        opponents: As for ``win_shares``.

    >>> ranks_of(np.array([[1.0, 2.0, 2.0]])).tolist()
    [[1.0, 2.5, 2.5]]
    """
    chosen = np.ones(losses.shape[1], dtype=bool) if opponents is None else opponents
    return 1 + (chosen.sum() - chosen) * (1 - win_shares(losses, chosen))


def _gaps(losses: Array) -> Array:
    """Return the distance of each method to the best one of its signal; NaN where it failed or did not train."""
    best = np.nanmin(np.where(np.isfinite(losses).any(axis=1, keepdims=True), losses, 0.0), axis=1, keepdims=True)
    gaps: Array = losses - best
    return gaps


def _intervals(values: Sequence[Array], picks: Sequence[NDArray[np.int64]]) -> list[Interval]:
    """Return the mean over tables of the means over signals for each method, with bootstrap intervals over signals.

    Args:
        values: One array ``(signals, methods)`` per table; NaN is left out of a mean.
        picks: Resampled signals ``(resamples, signals)`` of each table.
    """
    means = _mean(np.stack([_mean(each) for each in values]))
    sampled = _mean(np.stack([_mean(each[pick].swapaxes(0, 1)) for each, pick in zip(values, picks, strict=True)]))
    alone = all(len(each) == 1 for each in values)
    found = []
    for mean, column in zip(means, sampled.T, strict=True):
        known = column[np.isfinite(column)]
        if alone or not len(known):
            found.append(Interval(float(mean)))
        else:
            low, high = np.quantile(known, bootstrap_quantiles(*map(len, values)))
            found.append(Interval(float(mean), float(low), float(high)))
    return found


def _mean(values: Array) -> Array:
    """Return the mean over the first axis, without NaN; NaN where there is no number."""
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    means: Array = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means
