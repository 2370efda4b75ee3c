"""Statistical tests between methods. The unit is the signal: seeds are averaged first, and methods are paired on signals."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtr, stdtrit

Array = NDArray[np.float64]
CONFIDENCE = 0.95
LEVEL = 0.05
"""Significance level of adjusted p values."""
MIN_PAIRS = 6
"""Smallest number of pairs with which p of a two-sided signed-rank test can fall below LEVEL."""
RESAMPLES = 10_000


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % confidence interval.

    Args:
        mean: The mean.
        low: Lower end of the interval; None for a single value.
        high: Upper end of the interval; None for a single value.
    """

    mean: float
    low: float | None = None
    high: float | None = None


def bootstrap_quantiles(*sizes: int) -> tuple[float, float]:
    """Return the quantiles of the means of resamples that are the ends of a 95 % interval for a mean.

    They are those of the expanded percentile interval (Hesterberg, The American Statistician 69(4), 2015), which has the width
    of the t interval if the values are normal. The usual 2.5 % and 97.5 % give an interval that is too narrow for few values:
    for six normal ones, it contains the true mean in 87 % of the cases.

    Args:
        sizes: Number of values, at least 2; for the mean of several means, the numbers of values of each, which are resampled
            by themselves.

    >>> [round(end, 4) for n in (6, 24, 1000) for end in bootstrap_quantiles(n)]
    [0.0024, 0.9976, 0.0173, 0.9827, 0.0248, 0.9752]
    """
    several = [n for n in sizes if n > 1]
    widening = math.sqrt(sum(n / (n - 1) for n in several) / len(several))
    freedom = sum(n - 1 for n in several)
    tail = float(ndtr(-widening * stdtrit(freedom, (1 + CONFIDENCE) / 2)))
    return tail, 1 - tail


def bootstrap_mean(values: Sequence[float] | Array) -> Interval:
    """Return the mean with its bootstrap interval (expanded percentiles); for paired differences, this is a paired bootstrap.

    The random seed is fixed, so the result is the same every time.

    >>> bootstrap_mean([1.0]), bootstrap_mean([2.0, 2.0])
    (Interval(mean=1.0, low=None, high=None), Interval(mean=2.0, low=2.0, high=2.0))
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        return Interval(float(array.mean()))
    picks = np.random.default_rng(0).integers(len(array), size=(RESAMPLES, len(array)))
    low, high = np.quantile(array[picks].mean(axis=1), bootstrap_quantiles(len(array)))
    return Interval(float(array.mean()), float(low), float(high))


def paired_t(differences: Sequence[float] | Array) -> tuple[Interval, float]:
    """Return the mean of paired differences with its 95 % t interval, and p of the two-sided paired t-test.

    Meant for seeds of one signal, which are few and identically distributed: a signed-rank test of three pairs can never
    reach significance.

    >>> interval, p = paired_t([1.0, 2.0, 3.0])
    >>> round(interval.low, 3), round(interval.high, 3), round(p, 4)
    (-0.484, 4.484, 0.0742)
    """
    array = np.asarray(differences, dtype=np.float64)
    n, mean = len(array), float(array.mean())
    error = float(array.std(ddof=1) / np.sqrt(n))
    if not error:
        return Interval(mean, mean, mean), 1.0 if mean == 0 else 0.0
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * error
    return Interval(mean, mean - half, mean + half), float(2 * stdtr(n - 1, -abs(mean) / error))


def signed_rank(differences: Sequence[float] | Array) -> float:
    """Return p of Wilcoxon's two-sided signed-rank test that paired differences are centred at zero; 1 if all are zero.

    Zeros are left out and equal sizes share their mean rank, as in Wilcoxon's paper. p is exact for any number of pairs and
    with ties: all possible signs of these ranks are counted, where libraries use the normal approximation.

    >>> signed_rank([0.0, 0.0]), signed_rank([1, 2, 3, 4, 5, 6]), signed_rank([1, 1, 1, -1])
    (1.0, 0.03125, 0.625)
    """
    ranks = _signed_ranks(differences)
    share = np.zeros(int(np.abs(ranks).sum()) + 1)  # share of all sign patterns, by the sum of the positive ranks
    share[0] = 1.0
    for rank in np.abs(ranks):
        share[rank:] = (share[rank:] + share[:-rank]) / 2
        share[:rank] /= 2
    positive = int(ranks[ranks > 0].sum())
    return float(min(1.0, 2 * min(share[: positive + 1].sum(), share[positive:].sum())))


def _signed_ranks(differences: Sequence[float] | Array) -> NDArray[np.int64]:
    """Return twice the ranks by size of the differences that are not zero, with their signs; equal sizes share a mean rank."""
    array = np.asarray(differences, dtype=np.float64)
    array = array[array != 0]
    _, place, count = np.unique(np.abs(array), return_inverse=True, return_counts=True)
    return (2 * np.cumsum(count) - count + 1)[place] * np.sign(array).astype(np.int64)


def p_of_lead(differences: Sequence[float] | Array) -> float:
    """Return p of the signed-rank test if the ranks are on the side of the mean, otherwise 1.

    Tables are ordered by means. One very large difference can put a method ahead in the mean that is behind on almost all
    signals; the test then distinguishes the two, but it does not support the order.

    >>> p_of_lead([1, 2, 3, 4, 5, 6]), p_of_lead([-1, -2, -3, -4, -5, -6, -7, 100.0])
    (0.03125, 1.0)
    """
    agrees = _signed_ranks(differences).sum() * np.mean(differences) >= 0
    return signed_rank(differences) if agrees else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number by Holm's method (Scand. J. Statist. 6, 1979), in the given order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    adjusted = np.empty(len(p_values))
    stepped = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return [float(round(p, 12)) for p in adjusted]


def can_distinguish(pairs: int, comparisons: int) -> bool:
    """Return whether signed-rank tests, adjusted by Holm's method, could fall below LEVEL at all.

    Args:
        pairs: Number of paired values of each test.
        comparisons: Number of tests.

    >>> can_distinguish(8, 21), can_distinguish(10, 21), can_distinguish(8, 6)
    (False, True, True)
    """
    return comparisons * 2.0 ** (1 - pairs) < LEVEL


def shared_ranks(scores: Mapping[str, Array]) -> dict[str, int]:
    """Return the rank of each method from its scores on the same signals in the same order; lower scores are better.

    Methods are taken in the order of their means. A method shares the rank of the first method of the current rank if the two
    cannot be distinguished: p of their signed-rank test, adjusted by Holm's method over all pairs, is not below LEVEL, or the
    ranks point the other way than the means. Otherwise it starts a new rank. Methods of one rank may still differ from each
    other, and the last of a rank need not be distinguished from the first of the next.
    """
    names = sorted(scores, key=lambda name: (scores[name].mean(), name))
    apart = distinguished_pairs(scores, p_of_lead)
    ranks: dict[str, int] = {}
    leader = ""
    for place, name in enumerate(names, start=1):
        if not leader or apart[frozenset((leader, name))]:
            leader = name
            ranks[name] = place
        else:
            ranks[name] = ranks[leader]
    return ranks


@dataclass(frozen=True)
class MeanRanks:
    """Mean ranks over blocks, and the groups of methods that no test distinguishes.

    Args:
        ranks: Method -> mean rank over blocks; 1 is best.
        groups: Largest groups of methods adjacent in the order of their ranks in which no two are distinguished by
            signed-rank tests with Holm's correction over all pairs. The ranks in leaderboards use the same tests.
        p: p of Friedman's test that all methods are equal.
        blocks: Number of blocks.
    """

    ranks: dict[str, float]
    groups: list[tuple[str, ...]]
    p: float
    blocks: int


def mean_ranks(scores: Mapping[str, Array]) -> MeanRanks:
    """Return the ranking of methods over blocks (signals, tasks); lower scores are better, and ties share a mean rank.

    This is the diagram of Demsar (JMLR 7, 2006) with the tests that Benavoli, Corani, Mangili (JMLR 17, 2016) recommend instead
    of Nemenyi's test, whose outcome for two methods depends on which others are compared.

    Raises:
        ValueError: There are fewer than three methods, or fewer than MIN_PAIRS blocks, with which no pair can be
            distinguished.
    """
    from scipy import stats  # its import takes longer than building most tables, which need only the tests above

    table = np.stack(list(scores.values()), axis=1) if scores else np.zeros((0, 0))
    blocks, k = table.shape
    if k < 3 or blocks < MIN_PAIRS:
        raise ValueError(f"mean ranks need three methods on {MIN_PAIRS} signals or tasks, got {k} on {blocks}")
    means = dict(zip(scores, stats.rankdata(table, axis=1).mean(axis=0).tolist(), strict=True))
    order = sorted(means, key=lambda name: (means[name], name))
    apart = distinguished_pairs(scores)
    groups: list[tuple[str, ...]] = []
    for start in range(k):
        end = start + 1
        while end < k and all(not apart[frozenset((order[i], order[end]))] for i in range(start, end)):
            end += 1
        if end - start > 1 and not (groups and set(order[start:end]) <= set(groups[-1])):
            groups.append(tuple(order[start:end]))
    all_tied = bool((table == table[:, :1]).all())
    p = 1.0 if all_tied else float(stats.friedmanchisquare(*table.T).pvalue)
    return MeanRanks(means, groups, p, blocks)


def distinguished_pairs(
    scores: Mapping[str, Array], test: Callable[[Array], float] = signed_rank
) -> dict[frozenset[str], bool]:
    """Return, for each pair of methods, whether tests with Holm's correction over all pairs distinguish them.

    Args:
        scores: Method -> scores on the same signals in the same order.
        test: Function from paired differences to p.
    """
    names = sorted(scores)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    adjusted = holm([test(scores[b] - scores[a]) for a, b in pairs])
    return {frozenset(pair): p < LEVEL for pair, p in zip(pairs, adjusted, strict=True)}


def pareto(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the names of the Pareto-optimal points, sorted by their numbers; lower is better in both.

    >>> pareto({"a": (1.0, 5.0), "b": (2.0, 2.0), "c": (3.0, 3.0), "d": (2.0, 2.0)})
    ['a', 'b', 'd']
    """

    def beaten(x: tuple[float, float]) -> bool:
        return any(other[0] <= x[0] and other[1] <= x[1] and other != x for other in points.values())

    return sorted((name for name, point in points.items() if not beaten(point)), key=lambda name: points[name])


def time_to_reach(times: Sequence[float], values: Sequence[float | None], reached: Callable[[float], bool]) -> float | None:
    """Return the first time at which a target was reached; None if it never was (right-censored).

    Args:
        times: Times of the values, in increasing order.
        values: Values at these times; None where unknown.
        reached: Whether a value reaches the target.
    """
    return next((t for t, v in zip(times, values, strict=True) if v is not None and reached(v)), None)
