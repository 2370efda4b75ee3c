"""The overall table agrees with a plain computation, and treats failures and missing runs as documented."""

import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import rankdata

from inrbench.analyse import comparable_runs
from inrbench.analyse.overall import overall, ranks_of, win_rates, win_shares
from inrbench.cli.main import cli
from inrbench.errors import BadValue, NothingFound
from inrbench.spec import Measurement, Metric
from inrbench.store import append

PSNR = Metric(id="psnr@clip-float", unit="dB", higher_is_better=True)
OFF = Metric(id="psnr-offgrid@2x-area", unit="dB", higher_is_better=True)
MSE = Metric(id="mse@train", higher_is_better=False, scale="log")


def store(folder, attempt, values, task="photo", metrics=(PSNR,), status="ok", trained=True, **spec):
    """Store one attempt per (method, signal): values[method][signal] is a value per metric."""
    for method, signals in values.items():
        for signal, numbers in signals.items():
            made = attempt(task=task, method=method, method_sha256=method.ljust(64, "0"), signal=signal, status=status, **spec)
            measured = tuple(Measurement(metric=m, value=v) for m, v in zip(metrics, numbers, strict=True))
            result = replace(made.result, metrics=measured, trained=trained)
            append(folder, replace(made, result=result, protocol=replace(made.protocol, metrics=tuple(m.id for m in metrics))))


def brute_force(tables):
    """Return method -> (win rate, mean rank) by loops over tables, signals and pairs. Values: higher is better."""
    methods = sorted(next(iter(tables[0].values())))
    wins, ranks = {}, {}
    for method in methods:
        per_table, per_table_ranks = [], []
        for table in tables:
            shares, places = [], []
            for values in table.values():
                others = [values[other] for other in methods if other != method]
                shares.append(
                    sum(1.0 if values[method] > o else 0.5 if values[method] == o else 0.0 for o in others) / len(others)
                )
                places.append(rankdata([-values[m] for m in methods])[methods.index(method)])
            per_table.append(sum(shares) / len(shares))
            per_table_ranks.append(sum(places) / len(places))
        wins[method], ranks[method] = np.mean(per_table), np.mean(per_table_ranks)
    return {method: (wins[method], ranks[method]) for method in methods}


def test_overall_agrees_with_a_plain_computation(attempt, tmp_path):
    random = np.random.default_rng(0)
    tables = {
        task: {f"s{i}": {m: float(random.normal(30 + j, 2)) for j, m in enumerate(("siren", "msa", "wire"))} for i in range(n)}
        for task, n in (("photo", 7), ("kodak", 3))
    }
    for task, table in tables.items():
        values = {m: {signal: (numbers[m],) for signal, numbers in table.items()} for m in ("siren", "msa", "wire")}
        store(tmp_path, attempt, values, task=task)
    (found,) = overall(comparable_runs(tmp_path, ("metrics",)))
    expected = brute_force(list(tables.values()))
    assert [entry.label for entry in found.entries] == sorted(expected, key=lambda m: -expected[m][0])
    for entry in found.entries:
        wins, rank = expected[entry.label]
        assert (entry.win_rate.mean, entry.mean_rank.mean) == (pytest.approx(wins), pytest.approx(rank))
        assert entry.win_rate.low <= wins <= entry.win_rate.high
        gaps = [np.mean([max(v.values()) - v[entry.label] for v in table.values()]) for table in tables.values()]
        assert entry.gaps["dB"].mean == pytest.approx(np.mean(gaps))
        assert entry.trained == 1.0


def test_ranks_are_those_of_scipy():
    losses = np.round(np.random.default_rng(1).normal(size=(50, 6)), 1)
    assert np.allclose(ranks_of(losses), rankdata(losses, axis=1))
    assert np.allclose(win_shares(losses).sum(axis=1), 3.0)


def test_references_are_nobodys_opponent(attempt, tmp_path):
    """Otherwise every reference that is added makes all methods look better."""
    for method, value in (("siren", 31.0), ("msa", 30.0), ("wire", 29.0)):
        store(tmp_path, attempt, {method: dict.fromkeys("abc", (value,))})
    (before,) = overall(comparable_runs(tmp_path, ("metrics",)))
    for method, value in (("dct", 20.0), ("bilinear", 30.5), ("smooth-dct", 40.0)):
        store(tmp_path, attempt, {method: dict.fromkeys("abc", (value,))}, solved=True)
    (after,) = overall(comparable_runs(tmp_path, ("metrics",)))
    rates = {entry.label: (entry.win_rate.mean, entry.mean_rank.mean) for entry in after.entries}
    assert {entry.label: (entry.win_rate.mean, entry.mean_rank.mean) for entry in before.entries}.items() <= rates.items()
    assert {label: rates[label] for label in ("smooth-dct", "bilinear", "dct")} == {
        "smooth-dct": (1.0, 1.0), "bilinear": (pytest.approx(2 / 3), pytest.approx(2.0)), "dct": (0.0, 4.0),
    }  # fmt: skip
    assert next(e for e in after.entries if e.label == "siren").gaps["dB"].mean == pytest.approx(9.0)  # to the best of all
    assert win_rates(comparable_runs(tmp_path, ("metrics",))[0])["siren"] == 1.0


def test_units_are_kept_apart_and_families_are_shown(attempt, tmp_path):
    values = {"siren": {"a": (30.0, 20.0), "b": (31.0, 25.0)}, "msa": {"a": (33.0, 19.0), "b": (32.0, 20.0)}}
    store(tmp_path, attempt, values, metrics=(PSNR, OFF))
    errors = {"siren": {"f": (1e-4,)}, "msa": {"f": (1e-2,)}}
    store(tmp_path, attempt, errors, task="heat1d", metrics=(MSE,))
    found = {each.family: each for each in overall(comparable_runs(tmp_path, ("metrics",)))}
    assert set(found) == {"all", "fitting", "off-grid", "equations"}
    everything = {entry.label: entry for entry in found["all"].entries}
    assert everything["siren"].gaps["dB"].mean == pytest.approx(2.0)
    assert everything["msa"].gaps["decades"].mean == pytest.approx(2.0)
    assert (everything["siren"].win_rate.mean, everything["msa"].win_rate.mean) == (0.5, 0.5)
    assert found["off-grid"].entries[0].label == "siren"


def test_equations_with_methods_of_their_own_do_not_remove_methods_from_the_whole(attempt, tmp_path):
    signals = [f"s{i}" for i in range(6)]
    store(
        tmp_path,
        attempt,
        {m: dict.fromkeys(signals, (30.0 + i,)) for i, m in enumerate(("siren", "wire", "msa"))},
        task="kodak",
    )
    store(
        tmp_path,
        attempt,
        {m: dict.fromkeys(signals, (20.0 + i,)) for i, m in enumerate(("siren", "wire", "pinn"))},
        task="heat1d",
    )
    found = {each.family: each for each in overall(comparable_runs(tmp_path, ["metrics"]))}
    assert [entry.label for entry in found["all"].entries] == ["msa", "wire", "siren"]
    assert [name.split()[0] for name in found["all"].tables] == ["kodak"]
    assert [entry.label for entry in found["equations"].entries] == ["pinn", "wire", "siren"]


def test_a_method_that_did_not_train_is_last_and_one_that_was_not_run_is_left_out(attempt, tmp_path):
    values = {"siren": {"a": (30.0,), "b": (31.0,)}, "msa": {"a": (33.0,), "b": (32.0,)}, "relu": {"a": (20.0,)}}
    store(tmp_path, attempt, values)
    store(tmp_path, attempt, {"wire": {"a": (99.0,)}}, trained=False)
    store(tmp_path, attempt, {"wire": {"b": (28.0,)}})
    (found,) = overall(comparable_runs(tmp_path, ("metrics",)))
    assert [entry.label for entry in found.entries] == ["msa", "siren", "wire"]
    wire = found.entries[-1]
    assert (wire.win_rate.mean, wire.mean_rank.mean, wire.trained) == (0.0, 3.0, 0.5)
    assert wire.gaps["dB"].mean == pytest.approx(4.0)
    assert found.left_out == {"relu": ["photo (psnr@clip-float)"]}


def test_a_method_with_a_failed_seed_is_last_on_that_signal(attempt, tmp_path):
    for seed in range(3):
        store(tmp_path, attempt, {"siren": {"a": (35.0,)}}, seed=seed)
    store(tmp_path, attempt, {"msa": {"a": (40.0,)}}, seed=0)
    for seed in (1, 2):
        store(tmp_path, attempt, {"msa": {"a": (4.0,)}}, seed=seed, status="diverged")
    (found,) = overall(comparable_runs(tmp_path, ("metrics",)))
    assert [(entry.label, entry.win_rate.mean, entry.trained) for entry in found.entries] == [
        ("siren", 1.0, 1.0),
        ("msa", 0.0, 0.0),
    ]


def test_a_method_that_never_trained_has_no_distance(attempt, tmp_path):
    store(tmp_path, attempt, {"siren": {"a": (30.0,)}, "msa": {"a": (33.0,)}})
    store(tmp_path, attempt, {"wire": {"a": (5.0,)}}, trained=False)
    (found,) = overall(comparable_runs(tmp_path, ("metrics",)))
    assert math.isnan(found.entries[-1].gaps["dB"].mean)


def call(folder, *words):
    return CliRunner().invoke(cli, ["leaderboard", "--overall", "--results", str(folder), *words], standalone_mode=False)


def test_the_command_prints_the_table_and_refuses_what_is_not_alike(attempt, tmp_path):
    store(tmp_path, attempt, {"siren": {"a": (30.0,), "b": (31.0,)}, "msa": {"a": (33.0,), "b": (30.0,)}})
    text = call(tmp_path).output
    assert "Overall: all" in text
    assert "photo (psnr@clip-float): 2 signals" in text
    assert "50% [0%, 100%]" in text
    assert "**Overall: all**" in call(tmp_path, "--format", "markdown").output
    for words, kind, message in (
        (["--format", "csv"], BadValue, "the formats are terminal, markdown"),
        (["--tasks", "photo", "--track", "paper"], None, ""),
    ):
        done = call(tmp_path, *words)
        assert isinstance(done.exception, kind) if kind else done.exception is None
        assert message in str(done.exception)
    store(tmp_path, attempt, {"siren": {"a": (30.0,)}}, track="authors")
    assert "these runs are of several tracks, authors, paper; choose one with --track" in str(call(tmp_path).exception)
    store(tmp_path, attempt, {"siren": {"a": (30.0,)}}, protocol_fingerprint="0" * 12)
    assert "choose one with --protocol, by name or fingerprint" in str(call(tmp_path, "--track", "paper").exception)
    lonely = tmp_path / "lonely"
    store(lonely, attempt, {"siren": {"a": (30.0,)}})
    assert isinstance(call(lonely).exception, NothingFound)


def test_a_signal_that_nobody_could_run_does_not_count(attempt, tmp_path):
    """Its data were missing for all methods: it is no tie, and nobody failed to train on it."""
    values = {"siren": {"a": (30.0,), "b": (31.0,)}, "msa": {"a": (20.0,), "b": (21.0,)}}
    store(tmp_path, attempt, values)
    for method in values:
        append(
            tmp_path, attempt(status="skipped", method=method, method_sha256=method.ljust(64, "0"), signal="thai", task="photo")
        )
    (result,) = overall(comparable_runs(tmp_path, ("metrics",)))
    assert {entry.label: (entry.win_rate.mean, entry.trained) for entry in result.entries} == {"siren": (1, 1), "msa": (0, 1)}
    assert list(result.tables.values()) == [2]
