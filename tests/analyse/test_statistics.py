"""Statistics, compared with SciPy and with cases computed by hand."""

import itertools

import numpy as np
import pytest
from scipy import stats

from inrbench.analyse.statistics import (
    bootstrap_mean,
    distinguished_pairs,
    holm,
    mean_ranks,
    p_of_lead,
    paired_t,
    pareto,
    shared_ranks,
    signed_rank,
    time_to_reach,
)


def test_signed_rank_p_is_exact_for_few_pairs():
    """Six differences of one sign: two of the 2^6 assignments of signs are as extreme."""
    assert signed_rank([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) == pytest.approx(2 / 64)
    # ranks 1..5 with rank 1 negative: W = 1, of 32 assignments W <= 1 in two, doubled
    assert signed_rank([-1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(4 / 32)
    assert signed_rank([0.0, 0.0, 0.0]) == 1.0


@pytest.mark.parametrize("n", [3, 10, 24, 50])
def test_signed_rank_p_equals_scipy_without_ties(n):
    differences = np.random.default_rng(n).normal(0.3, 1.0, n)
    assert signed_rank(differences) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue, rel=1e-12)


@pytest.mark.parametrize("differences", [[1, 1, 1, -1], [3, -3, 3, 2, 2, -1, 1, 0], [5, 5, 5, 5, 5, -1, 0, 0, -2, -2]])
def test_signed_rank_p_with_ties_equals_full_enumeration(differences):
    array = np.array([d for d in differences if d])
    ranks = stats.rankdata(np.abs(array))
    seen = ranks[array > 0].sum()
    sums = np.array([ranks[list(signs)].sum() for signs in itertools.product([False, True], repeat=len(array))])
    assert signed_rank(differences) == pytest.approx(min(1.0, 2 * min((sums <= seen).mean(), (sums >= seen).mean())))


def test_signed_rank_p_of_many_pairs_agrees_with_the_normal_approximation():
    differences = np.random.default_rng(0).normal(0.1, 1.0, 800)
    assert signed_rank(differences) == pytest.approx(stats.wilcoxon(differences, method="approx").pvalue, rel=0.01)


def test_holm_steps_down_and_never_exceeds_one():
    assert holm([0.01, 0.04, 0.03, 0.005]) == [0.03, 0.06, 0.06, 0.02]
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_bootstrap_interval_agrees_with_the_normal_interval():
    values = np.random.default_rng(3).normal(2.0, 1.0, 400)
    found = bootstrap_mean(values)
    half = 1.96 * values.std(ddof=1) / 20
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)
    assert bootstrap_mean(values) == found


@pytest.mark.parametrize("n", [6, 10])
def test_bootstrap_interval_of_few_values_contains_the_true_mean_in_95_percent(n):
    rng = np.random.default_rng(1)
    found = [bootstrap_mean(rng.normal(0.0, 1.0, n)) for _ in range(400)]
    share = sum(each.low <= 0 <= each.high for each in found) / len(found)
    assert 0.925 <= share <= 0.98  # the usual percentiles have 0.87 and 0.91


def test_an_order_that_one_signal_makes_is_not_supported_by_the_test():
    rng = np.random.default_rng(0)
    ahead = np.append(rng.normal(-0.5, 0.1, 23), 20.0)  # behind on 23 of 24 signals, ahead in the mean
    assert signed_rank(ahead) < 0.001
    assert p_of_lead(ahead) == 1.0
    assert p_of_lead(-ahead) == 1.0
    assert p_of_lead(ahead[:-1]) == signed_rank(ahead[:-1])
    assert shared_ranks({"a": -ahead, "b": np.zeros(24)}) == {"a": 1, "b": 1}


def test_signals_without_a_difference_do_not_change_the_side_of_the_ranks():
    """The test leaves them out; counted, they would put these ranks on the other side of the mean."""
    differences = [-1.0, -2.0, -3.0, 10.0, 20.0]
    assert p_of_lead([*differences, 0.0, 0.0, 0.0, 0.0]) == signed_rank(differences) < 1


def test_methods_that_cannot_be_distinguished_share_a_rank():
    base = np.arange(24.0)
    noise = np.where(np.arange(24) % 2, 0.5, -0.5)
    ranks = shared_ranks({"worst": base + 9, "a": base, "b": base + noise, "second": base + 3})
    assert ranks == {"a": 1, "b": 1, "second": 3, "worst": 4}


def test_a_single_method_has_rank_one():
    assert shared_ranks({"a": np.arange(6.0)}) == {"a": 1}


def test_mean_ranks_of_distinguished_methods_and_of_too_few_inputs():
    table = np.array([[1.0, 2, 3, 4]] * 14)
    result = mean_ranks(dict(zip("abcd", table.T, strict=True)))
    assert result.ranks == {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    assert result.groups == []  # every pair is distinguished on 14 signals
    assert result.p < 1e-6
    with pytest.raises(ValueError, match="need three methods on 6 signals"):
        mean_ranks({name: np.arange(5.0) for name in "abc"})
    with pytest.raises(ValueError, match="need three methods"):
        mean_ranks({"a": np.ones(9), "b": np.ones(9)})


def test_ranks_in_tables_and_groups_in_figures_are_consistent():
    rng = np.random.default_rng(3)
    scores = {name: rng.normal(shift, 1.0, 9) for name, shift in zip("abcdef", (0, 0.2, 1, 1.2, 4, 9), strict=True)}
    apart, joined = distinguished_pairs(scores), mean_ranks(scores).groups
    for group in joined:
        assert not any(apart[frozenset(pair)] for pair in itertools.combinations(group, 2))
    ranks = shared_ranks(scores)
    leader = min(scores, key=lambda name: scores[name].mean())
    assert {name for name in scores if ranks[name] == 1} == {
        n for n in scores if n == leader or not apart[frozenset((leader, n))]
    }


def test_ties_share_a_mean_rank():
    result = mean_ranks({"a": np.array([1.0, 1.0] * 3), "b": np.array([1.0, 2.0] * 3), "c": np.array([3.0, 3.0] * 3)})
    assert result.ranks == {"a": 1.25, "b": 1.75, "c": 3.0}


def test_paired_t_equals_scipy():
    differences = np.random.default_rng(0).normal(0.5, 1.0, 5)
    interval, p = paired_t(differences)
    theirs = stats.ttest_1samp(differences, 0.0)
    assert p == pytest.approx(theirs.pvalue)
    assert (interval.low, interval.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert paired_t([2.0, 2.0, 2.0])[1] == 0.0
    assert paired_t([0.0, 0.0])[1] == 1.0


def test_pareto_keeps_the_undominated_methods():
    assert pareto({"fast": (1.0, 9.0), "good": (9.0, 1.0), "both": (2.0, 2.0), "beaten": (3.0, 3.0)}) == [
        "fast",
        "both",
        "good",
    ]


def test_time_to_reach_is_none_for_an_unreached_target():
    assert time_to_reach([1.0, 2.0, 3.0], [10.0, 31.0, 35.0], lambda v: v >= 30) == 2.0
    assert time_to_reach([1.0, 2.0], [10.0, None], lambda v: v >= 30) is None
