"""A method against others: signal by signal, or seed by seed on one signal where there are few signals and several seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from inrbench.analyse.aggregate import SEEDS_FOR_A_TEST, scores_by_signal, seed_scores
from inrbench.analyse.runs import ComparableRuns, metrics_of
from inrbench.analyse.statistics import MIN_PAIRS, Interval, bootstrap_mean, holm, paired_t, signed_rank
from inrbench.errors import NothingFound, unknown_name
from inrbench.spec import Metric

COLUMNS = ("status", "metrics")


@dataclass(frozen=True)
class Comparison:
    """What one metric says of ``label`` against ``other`` on the signals on which both trained.

    ``difference`` is that of the means, ``label`` minus ``other``; of a metric on a log scale, the decadic logarithm of the
    ratio. It has an interval from FEWEST_PAIRS signals on. ``p`` is adjusted for the number of others; None with fewer
    signals. ``signal``: the one signal that this is about, paired over its seeds; empty for all signals.
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
    signal: str = ""


def compare(group: ComparableRuns, label: str, others: Sequence[str]) -> list[Comparison]:
    """Return what every metric of a group says of a method against others.

    With fewer than FEWEST_PAIRS signals, each signal with SEEDS_FOR_A_TEST seeds or more follows by itself.

    Raises:
        UnknownName: The group does not hold a method.
        NothingFound: No signal is shared.
    """
    held = set(group.runs["label"])
    for name in (label, *others):
        if name not in held:
            raise unknown_name(f"method in {group.task}, protocol {group.protocol}", name, held)
    found = []
    for metric in (metric for metric in metrics_of(group.runs) if metric.scale != "dispersion" and metric.role != "oracle"):
        found += _over_signals(group, metric, label, others)
    if not found:
        raise NothingFound(
            f"{group.task}, protocol {group.protocol}: {label} and {' and '.join(others)} share no signal on which both trained"
        )
    return found


def _over_signals(group: ComparableRuns, metric: Metric, label: str, others: Sequence[str]) -> list[Comparison]:
    scores = scores_by_signal(group, metric)
    pairs = {o: both for o in others if {label, o} <= {*scores} and len(both := scores[[label, o]].dropna())}
    differences = {other: (both[label] - both[other]).to_numpy() for other, both in pairs.items()}
    tested = [other for other, values in differences.items() if len(values) >= MIN_PAIRS]
    p_values = dict(zip(tested, holm([signed_rank(differences[other]) for other in tested]), strict=True))
    seeds = group.runs["seed"].nunique()
    found = []
    for other, values in differences.items():
        interval = bootstrap_mean(values) if other in tested else Interval(float(values.mean()))
        means, wins = _means_and_wins(pairs[other], metric, label, other)
        found.append(Comparison(label, other, metric, len(values), seeds, means, interval, wins, p_values.get(other)))
    return found + [each for other in pairs if other not in tested for each in over_seeds(group, metric, label, other)]


def over_seeds(group: ComparableRuns, metric: Metric, label: str, other: str) -> list[Comparison]:
    """Return the comparison on each signal by itself, paired over seeds, where there are SEEDS_FOR_A_TEST of them or more."""
    scores = seed_scores(group, metric)
    table = scores[scores["label"].isin((label, other))].pivot_table(
        index=["signal", "seed"], columns="label", values="value", dropna=False
    )
    if not {label, other} <= {*table}:
        return []
    found = []
    for signal, both in table.dropna().groupby(level="signal"):
        if len(both) >= SEEDS_FOR_A_TEST:
            interval, p = paired_t((both[label] - both[other]).to_numpy())
            means, wins = _means_and_wins(both, metric, label, other)
            found.append(Comparison(label, other, metric, 1, len(both), means, interval, wins, p, str(signal)))
    return found


def _means_and_wins(both: pd.DataFrame, metric: Metric, label: str, other: str) -> tuple[tuple[float, float], int]:
    """Return the two means as the metric is read, and on how many of the pairs ``label`` is the better one."""
    differences = (both[label] - both[other]).to_numpy()
    wins = int(((differences > 0) == metric.higher_is_better)[differences != 0].sum())
    means: pd.Series[float] = both.mean()
    return (metric.from_scale(means[label]), metric.from_scale(means[other])), wins
