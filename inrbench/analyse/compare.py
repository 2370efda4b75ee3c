"""A method against others, signal by signal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from inrbench.analyse.runs import Group, metrics_of, values_of
from inrbench.analyse.statistics import FEWEST_PAIRS, Interval, bootstrap_mean, holm, signed_rank
from inrbench.errors import NothingFound, unknown
from inrbench.spec import Metric

COLUMNS = ("status", "metrics")


@dataclass(frozen=True)
class Comparison:
    """What one metric says of ``label`` against ``other`` on the signals that both have.

    ``difference`` is that of the means, ``label`` minus ``other``; of a metric on a log scale, the decadic logarithm of the
    ratio. ``p`` is adjusted for the number of others; None with too few signals.
    """

    label: str
    other: str
    metric: Metric
    n_signals: int
    n_seeds: int
    means: tuple[float, float]
    difference: Interval
    wins: int
    p: float | None


def scores_by_signal(group: Group, metric: Metric) -> pd.DataFrame:
    """Return a metric's mean over seeds, a row a signal and a column a method; NaN where a method has no run that is ok.

    Of a metric on a log scale, decadic logarithms, and the mean of these.
    """
    values, known = values_of(group.runs, metric)
    with np.errstate(divide="ignore", invalid="ignore"):
        frame = group.runs[["signal", "label"]].assign(value=np.log10(values) if metric.scale == "log" else values)
    frame = frame[known & (group.runs["status"] == "ok")]
    return frame.pivot_table(index="signal", columns="label", values="value", aggfunc="mean", dropna=False)


def compare(group: Group, label: str, others: Sequence[str]) -> list[Comparison]:
    """Return what every metric of a group says of a method against others.

    Raises UnknownName for a method that the group does not hold, NothingFound where no signal is shared.
    """
    held = set(group.runs["label"])
    for name in (label, *others):
        if name not in held:
            raise unknown(f"method in {group.task}, protocol {group.protocol}", name, held)
    found = []
    for metric in (metric for metric in metrics_of(group.runs) if metric.scale != "spread"):
        scores = scores_by_signal(group, metric)
        pairs = {o: both for o in others if {label, o} <= {*scores} and len(both := scores[[label, o]].dropna())}
        differences = {other: (both[label] - both[other]).to_numpy() for other, both in pairs.items()}
        tested = [other for other, values in differences.items() if len(values) >= FEWEST_PAIRS]
        p_values = dict(zip(tested, holm([signed_rank(differences[other]) for other in tested]), strict=True))
        seeds = group.runs["seed"].nunique()
        for other, values in differences.items():
            means = pairs[other].mean()
            found.append(Comparison(
                label, other, metric, len(values), seeds, (metric.off_scale(means[label]), metric.off_scale(means[other])),
                bootstrap_mean(values), int(((values > 0) == metric.higher_is_better)[values != 0].sum()), p_values.get(other),
            ))  # fmt: skip
    if not found:
        raise NothingFound(f"{group.task}, protocol {group.protocol}: {label} and {' and '.join(others)} share no signal")
    return found
