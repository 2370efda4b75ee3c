"""Compare a method with others: paired over signals, or over seeds on one signal if signals are few and seeds several."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from inrbench.analyse.aggregate import MIN_SEEDS_FOR_TEST, scores_by_signal, seed_scores
from inrbench.analyse.runs import ComparableRuns, metrics_of
from inrbench.analyse.statistics import MIN_PAIRS, Interval, bootstrap_mean, can_distinguish, holm, p_of_lead, paired_t
from inrbench.errors import NothingFound, unknown_name
from inrbench.spec import Metric

COLUMNS = ("status", "metrics")


@dataclass(frozen=True)
class Comparison:
    """Comparison of two methods in one metric, on the signals on which both trained.

    Args:
        label: The method that is compared.
        other: The method that it is compared with.
        metric: Metric of the comparison.
        n_signals: Number of signals.
        n_seeds: Smallest and largest number of seeds per signal of the two methods.
        means: Means of ``label`` and ``other``, in the metric's own unit.
        difference: Difference of the means, ``label`` minus ``other``; log10 of the ratio for a metric on a log scale. Over
            signals, it has an interval only with MIN_PAIRS signals or more.
        wins: Number of pairs in which ``label`` is better.
        p: p value. Over signals, it is adjusted for the number of other methods, 1 if the ranks point the other way than the
            mean, and None with fewer than MIN_PAIRS signals. Over seeds, it is adjusted for all comparisons over seeds of the
            metric.
        signal: The signal of a comparison paired over seeds; empty for a comparison over all signals.
        decidable: Whether a test over so many signals, adjusted for so many other methods, can find a difference at all.
    """

    label: str
    other: str
    metric: Metric
    n_signals: int
    n_seeds: tuple[int, int]
    means: tuple[float, float]
    difference: Interval
    wins: int
    p: float | None
    signal: str = ""
    decidable: bool = True


def compare(group: ComparableRuns, label: str, others: Sequence[str]) -> list[Comparison]:
    """Return the comparisons of a method with others in every metric of a group.

    With fewer than MIN_PAIRS signals, a separate comparison follows for each signal with MIN_SEEDS_FOR_TEST seeds or more.

    Args:
        group: Runs to compare.
        label: The method that is compared.
        others: The methods that it is compared with.

    Raises:
        UnknownName: The group does not contain a method.
        NothingFound: There is no signal on which both methods trained.
    """
    present = set(group.runs["label"])
    for name in (label, *others):
        if name not in present:
            raise unknown_name(f"method in {group.task}, protocol {group.protocol}", name, present)
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
    p_values = dict(zip(tested, holm([p_of_lead(differences[other]) for other in tested]), strict=True))
    counts = seed_scores(group, metric).groupby(["label", "signal"])["seed"].nunique()
    found = []
    for other, values in differences.items():
        of_both = counts[counts.index.isin(pd.MultiIndex.from_product([(label, other), pairs[other].index]))]
        seeds = int(of_both.min()), int(of_both.max())
        interval = bootstrap_mean(values) if other in tested else Interval(float(values.mean()))
        means, wins = _means_and_wins(pairs[other], metric, label, other)
        found.append(
            Comparison(label, other, metric, len(values), seeds, means, interval, wins, p_values.get(other),
                       decidable=can_distinguish(len(values), len(tested)))
        )  # fmt: skip
    return found + over_seeds(group, metric, label, [other for other in pairs if other not in tested])


def over_seeds(group: ComparableRuns, metric: Metric, label: str, others: Sequence[str]) -> list[Comparison]:
    """Return a comparison for each other method and each signal with MIN_SEEDS_FOR_TEST seeds or more, paired over seeds.

    Their p values are adjusted for their number by Holm's method.

    Args:
        group: Runs to compare.
        metric: Metric of the comparison.
        label: The method that is compared.
        others: The methods that it is compared with.
    """
    found = [each for other in others for each in _over_seeds(group, metric, label, other)]
    adjusted = holm([each.p for each in found if each.p is not None])
    return [replace(each, p=p) for each, p in zip(found, adjusted, strict=True)]


def _over_seeds(group: ComparableRuns, metric: Metric, label: str, other: str) -> list[Comparison]:
    scores = seed_scores(group, metric)
    table = scores[scores["label"].isin((label, other))].pivot_table(
        index=["signal", "seed"], columns="label", values="value", dropna=False
    )
    if not {label, other} <= {*table}:
        return []
    found = []
    for signal, both in table.dropna().groupby(level="signal"):
        if len(both) >= MIN_SEEDS_FOR_TEST:
            interval, p = paired_t((both[label] - both[other]).to_numpy())
            means, wins = _means_and_wins(both, metric, label, other)
            found.append(Comparison(label, other, metric, 1, (len(both), len(both)), means, interval, wins, p, str(signal)))
    return found


def _means_and_wins(both: pd.DataFrame, metric: Metric, label: str, other: str) -> tuple[tuple[float, float], int]:
    """Return the two means in the metric's own unit, and the number of pairs in which ``label`` is better."""
    differences = (both[label] - both[other]).to_numpy()
    wins = int(((differences > 0) == metric.higher_is_better)[differences != 0].sum())
    means: pd.Series[float] = both.mean()
    return (metric.from_scale(means[label]), metric.from_scale(means[other])), wins
