"""The one way in which runs become a number: seeds within a signal first, then signals.

Tables, comparisons, ranks and the site use it, so that no two of them can disagree. A run that did not train has a number and
no part in any mean. Learning curves and verdicts on claims, which show such runs too, average in the same order.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inrbench.analyse.runs import ComparableRuns, values_of
from inrbench.spec import Metric

SEEDS_FOR_A_TEST = 3
"""Seeds of a signal from which on methods are compared on that signal alone."""


def usable(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return which runs ended well and trained."""
    return (runs["status"] == "ok") & trained(runs)


def untrained(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return which runs ended well and did not train: they are no better than a constant (of an equation: than zero)."""
    return (runs["status"] == "ok") & ~trained(runs)


def trained(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return which runs trained, as far as is known."""
    if "trained" not in runs:
        return pd.Series(True, index=runs.index)
    return runs["trained"].astype(bool)


def to_scale(values: NDArray[np.float64], metric: Metric) -> NDArray[np.float64]:
    """Return values as they are averaged: of a metric on a log scale their decadic logarithms."""
    if metric.scale != "log":
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(values)


def seed_scores(group: ComparableRuns, metric: Metric, runs: "pd.Series[bool] | None" = None) -> pd.DataFrame:
    """Return a metric's values on its scale, a row for each (label, signal, seed): columns label, signal, seed, value."""
    values, known = values_of(group.runs, metric)
    frame = group.runs[["label", "signal", "seed"]].assign(value=to_scale(values, metric))
    return frame[known & (usable(group.runs) if runs is None else runs)]


def scores_by_signal(group: ComparableRuns, metric: Metric, runs: "pd.Series[bool] | None" = None) -> pd.DataFrame:
    """Return a metric's mean over seeds on its scale, a row for each signal and a column for each method.

    NaN where a method has no value, or one that is no number. ``runs``: which runs count; those that trained if not given.
    """
    frame = seed_scores(group, metric, runs)
    sums = frame.groupby(["signal", "label"])["value"].agg(["sum", "size", "count"])
    means = (sums["sum"] / sums["size"]).where(sums["size"] == sums["count"])  # a mean that passed over NaN would be none
    return means.unstack("label")
