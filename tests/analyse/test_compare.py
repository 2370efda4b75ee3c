import re
from dataclasses import replace

import pytest
from click.testing import CliRunner

from inrbench.analyse import comparable_runs, leaderboards
from inrbench.analyse.compare import COLUMNS, compare
from inrbench.analyse.costs import times_to_targets
from inrbench.cli.main import cli
from inrbench.errors import BadValue, NothingFound, UnknownName
from inrbench.report import to_markdown
from inrbench.spec import Measurement, Metric
from inrbench.store import append

SIGNALS = "abcdefgh"


@pytest.fixture
def filled(attempt, tmp_path):
    """msa is 2 dB above siren on every signal and has a tenth of its error; relu is siren with noise; wire lacks a signal."""
    for i, signal in enumerate(SIGNALS):
        for seed in (0, 1):
            append(tmp_path, attempt(30.0 + i + seed, 1e-3, signal=signal, seed=seed, method="siren"))
            append(tmp_path, attempt(32.0 + i + seed, 1e-4, signal=signal, seed=seed, method="msa"))
            append(tmp_path, attempt(30.0 + i + seed + (-1) ** i * 0.5, 1e-3, signal=signal, seed=seed, method="relu"))
    append(tmp_path, attempt(20.0, 1e-2, signal="a", method="wire"))
    return tmp_path


def test_compare_averages_seeds_and_pairs_by_signal(filled):
    (group,) = comparable_runs(filled, COLUMNS)
    psnr, mse = compare(group, "msa", ["siren"])
    assert (psnr.n_signals, psnr.n_seeds, psnr.wins) == (8, (2, 2), 8)
    assert psnr.means == pytest.approx((36.0, 34.0))
    assert (psnr.difference.mean, psnr.difference.low, psnr.difference.high) == pytest.approx((2.0, 2.0, 2.0))
    assert psnr.p == pytest.approx(2 / 2**8)
    assert mse.difference.mean == pytest.approx(-1.0)  # a tenth
    assert mse.means == pytest.approx((1e-4, 1e-3))
    assert mse.wins == 8


def test_oracle_metrics_are_not_compared(attempt, tmp_path):
    oracle = Metric(id="relative-l2-oracle@x", higher_is_better=False, scale="log")
    for method in ("siren", "msa"):
        one = attempt(method=method)
        metrics = (*one.result.metrics, Measurement(metric=oracle, value=1e-3))
        append(tmp_path, replace(one, result=replace(one.result, metrics=metrics)))
    (group,) = comparable_runs(tmp_path, COLUMNS)
    assert [each.metric.id for each in compare(group, "msa", ["siren"])] == ["psnr@test", "mse@test"]


def test_p_is_adjusted_for_the_number_of_compared_methods(filled):
    (group,) = comparable_runs(filled, COLUMNS)
    by_other = {c.other: c for c in compare(group, "msa", ["siren", "relu"]) if c.metric.unit == "dB"}
    assert by_other["siren"].p == pytest.approx(2 * 2 / 2**8)
    few = [c for c in compare(group, "msa", ["wire"]) if c.metric.unit == "dB"]
    assert (few[0].n_signals, few[0].p, few[0].difference.low) == (1, None, None)


def test_compare_command_reports_worse_or_no_difference(filled):
    done = CliRunner().invoke(cli, ["compare", "siren", "msa", "relu", "--results", str(filled)], catch_exceptions=False)
    lines = [line for line in done.output.splitlines() if line.startswith("PSNR")]
    assert lines[0].endswith("worse")
    assert lines[1].endswith("no difference found")
    assert "x10.0 [x10.0, x10.0]" in done.output
    for words, error, text in (
        (["msa"], BadValue, "two different methods"),
        (["msa", "sirn"], UnknownName, "did you mean 'siren'"),
    ):
        with pytest.raises(error, match=text):
            CliRunner().invoke(cli, ["compare", *words, "--results", str(filled)], catch_exceptions=False)


def test_compare_requires_a_common_group_and_a_common_signal(attempt, tmp_path):
    append(tmp_path, attempt(method="siren"))
    append(tmp_path, attempt(method="msa", protocol_fingerprint="e" * 12))
    with pytest.raises(NothingFound, match="contains both msa and siren"):
        CliRunner().invoke(cli, ["compare", "msa", "siren", "--results", str(tmp_path)], catch_exceptions=False)
    append(tmp_path, attempt(method="msa", signal="other"))
    with pytest.raises(NothingFound, match="share no signal"):
        CliRunner().invoke(cli, ["compare", "msa", "siren", "--results", str(tmp_path)], catch_exceptions=False)


def test_leaderboard_shares_ranks_when_there_are_enough_signals(filled):
    (leaderboard,) = leaderboards(filled)
    assert {row.label: row.rank for row in leaderboard.rows} == {"msa": 1, "siren": 2, "relu": 2, "wire": None}
    text = to_markdown([leaderboard])
    assert re.search(r"\| siren +\| +2= \|", text)
    assert "cannot distinguish them from its first" in text


def test_leaderboard_has_no_ranks_with_few_signals(attempt, tmp_path):
    append(tmp_path, attempt(method="siren"))
    append(tmp_path, attempt(method="msa"))
    (leaderboard,) = leaderboards(tmp_path)
    assert [row.rank for row in leaderboard.rows] == [None, None]
    assert "rank" not in to_markdown([leaderboard])


def test_times_to_targets_count_runs_that_failed(attempt, tmp_path):
    append(tmp_path, attempt(method="siren"))
    append(tmp_path, attempt(method="siren", signal="b", status="diverged"))
    (group,) = comparable_runs(tmp_path, ("status", "metrics", "curve"))
    (time,) = times_to_targets(group, [10.0])
    assert (time.reached, time.runs) == (1, 2)


def test_times_to_targets_omits_targets_that_no_run_reached(attempt, tmp_path):
    append(tmp_path, attempt(method="siren"))  # its curve ends at 12 dB after half a second
    (group,) = comparable_runs(tmp_path, ("status", "metrics", "curve"))
    (time,) = times_to_targets(group, [10.0])
    assert (time.seconds, time.reached, time.runs) == (0.5, 1, 1)
    assert times_to_targets(group, [30.0]) == []
    assert times_to_targets(replace(group, track="search"), [10.0]) == [], "the curve of a trial has too few points"


def test_few_signals_have_an_interval_over_seeds_and_none_over_signals(attempt, tmp_path):
    for seed in range(3):
        append(tmp_path, attempt(31.0 + 0.1 * seed, method="msa", seed=seed))
        append(tmp_path, attempt(30.0 + 0.2 * seed, method="siren", seed=seed))
    (group,) = comparable_runs(tmp_path, COLUMNS)
    over_signals, over_seeds = (c for c in compare(group, "msa", ["siren"]) if c.metric.unit == "dB")
    assert (over_signals.difference.low, over_signals.p, over_signals.signal) == (None, None, "")
    assert (over_seeds.signal, over_seeds.n_seeds, over_seeds.wins) == ("a", (3, 3), 3)
    assert over_seeds.difference.low < 0.9 < over_seeds.difference.high
    assert over_seeds.p < 0.05
    text = CliRunner().invoke(cli, ["compare", "msa", "siren", "--results", str(tmp_path)], catch_exceptions=False).output
    assert "PSNR (dB) ↑, a" in text
    assert "no interval over fewer than 6 signals" in text


def test_runs_that_did_not_train_are_not_compared(attempt, tmp_path):
    append(tmp_path, attempt(method="siren"))
    append(tmp_path, attempt(method="msa", trained=False))
    with pytest.raises(NothingFound, match="share no signal on which both trained"):
        CliRunner().invoke(cli, ["compare", "msa", "siren", "--results", str(tmp_path)], catch_exceptions=False)


def test_leaderboard_details_list_methods_not_beaten_in_quality_and_cost(attempt, tmp_path):
    for method, psnr, seconds, n_params in (("msa", 32.0, 9.0, 100), ("siren", 30.0, 3.0, 100), ("relu", 20.0, 5.0, 10)):
        made = attempt(psnr, method=method)
        cost = replace(made.result.cost, train_seconds=seconds, n_params=n_params)
        append(tmp_path, replace(made, result=replace(made.result, cost=cost)))
    words = ["leaderboard", "--results", str(tmp_path), "--format", "markdown"]
    assert "Not beaten" not in CliRunner().invoke(cli, words, catch_exceptions=False).output
    text = CliRunner().invoke(cli, [*words, "--details"], catch_exceptions=False).output
    assert "Not beaten in PSNR (dB) ↑ and train time together: siren, msa." in text
    assert "Not beaten in PSNR (dB) ↑ and parameters together: relu, msa." in text


@pytest.mark.parametrize(("others", "result"), [(["siren"], "better"), (["siren", "relu"], "too few signals for tests")])
def test_compare_says_when_its_tests_could_find_nothing(others, result, attempt, tmp_path):
    """With six signals, two tests cannot fall below 5 % together: to find no difference then says nothing."""
    for i, signal in enumerate("abcdef"):
        for method, psnr in (("msa", 40.0), ("siren", 30.0), ("relu", 20.0)):
            append(tmp_path, attempt(psnr + i / 10, 10 ** (-psnr / 10), signal=signal, method=method))
    done = CliRunner().invoke(cli, ["compare", "msa", *others, "--results", str(tmp_path)], standalone_mode=False)
    assert result in done.output and "no difference found" not in done.output


def test_compare_takes_one_track(attempt, tmp_path):
    for track in ("paper", "tuned-4"):
        for method in ("msa", "siren"):
            append(tmp_path, attempt(method=method, track=track))
    words = ["compare", "msa", "siren", "--results", str(tmp_path)]
    assert CliRunner().invoke(cli, words, standalone_mode=False).output.count("msa in toy") == 2
    one = CliRunner().invoke(cli, [*words, "--track", "tuned"], standalone_mode=False).output
    assert one.count("msa in toy") == 1 and "track tuned-4" in one
