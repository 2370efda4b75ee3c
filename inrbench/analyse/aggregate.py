"""Aggregate runs into one number: mean over the seeds of a signal first, then over signals.

Tables, comparisons, ranks and the site all use this module, so that they cannot disagree. A run that did not train has a
number but is not part of any mean. Learning curves and verdicts on claims, which show such runs too, average in the same order.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inrbench.analyse.runs import ComparableRuns, solved, values_of
from inrbench.spec import Metric

CONSTANT = "mean"
"""The reference that predicts the mean of the data. A run has trained if it is better than this, on the data that it fits."""
MIN_SEEDS_FOR_TEST = 3
"""Smallest number of seeds on a signal for which methods are compared on that signal alone."""


def usable(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return a mask of the runs that succeeded and trained, and of the best constant, which has nothing to train."""
    return (runs["status"] == "ok") & (trained(runs) | constant(runs))


def untrained(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return a mask of the runs that succeeded but did not train: not clearly better than a constant (equations: than zero)."""
    return (runs["status"] == "ok") & ~trained(runs) & ~constant(runs)


def constant(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return a mask of the runs of the best constant. Earlier versions trained it, and such runs did not train."""
    named = runs["method"] == CONSTANT  # few runs, while reading the notes of all would be slow
    return named & solved(runs[named]).reindex(runs.index, fill_value=False)


def trained(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return a mask of the runs that trained, as far as is known."""
    if "trained" not in runs:
        return pd.Series(True, index=runs.index)
    return runs["trained"].astype(bool)


def to_scale(values: NDArray[np.float64], metric: Metric) -> NDArray[np.float64]:
    """Return values on the scale on which they are averaged: log10 for a metric on a log scale."""
    if metric.scale != "log":
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(values)


def seed_scores(group: ComparableRuns, metric: Metric, runs: "pd.Series[bool] | None" = None) -> pd.DataFrame:
    """Return a metric's values on its scale, one row per (label, signal, seed).

    The columns are label, signal, seed and value.

    Args:
        group: Runs to read.
        metric: Metric to read.
        runs: Mask of the runs that count; those that trained if not given.
    """
    values, known = values_of(group.runs, metric)
    frame = group.runs[["label", "signal", "seed"]].assign(value=to_scale(values, metric))
    return frame[known & (usable(group.runs) if runs is None else runs)]


def seed_spread(group: ComparableRuns, metric: Metric) -> dict[str, float]:
    """Return the standard deviation over seeds of each method, on the metric's scale.

    It is the root mean square over signals of the sample standard deviation of a signal's seeds. Methods without two seeds on
    any signal are left out.

    Args:
        group: Runs to read.
        metric: Metric to read.
    """
    deviations = seed_scores(group, metric).groupby(["label", "signal"])["value"].std().dropna()
    return {str(label): float((part**2).mean() ** 0.5) for label, part in deviations.groupby("label")}


def scores_by_signal(group: ComparableRuns, metric: Metric, runs: "pd.Series[bool] | None" = None) -> pd.DataFrame:
    """Return a metric's mean over seeds on its scale, one row per signal and one column per method.

    An entry is NaN if the method has no value there, or a value that is NaN.

    Args:
        group: Runs to read.
        metric: Metric to read.
        runs: Mask of the runs that count; those that trained if not given.
    """
    frame = seed_scores(group, metric, runs)
    sums = frame.groupby(["signal", "label"])["value"].agg(["sum", "size", "count"])
    means = (sums["sum"] / sums["size"]).where(sums["size"] == sums["count"])  # a mean that skips NaN would be wrong
    return means.unstack("label")
