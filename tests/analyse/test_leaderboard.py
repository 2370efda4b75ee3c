import math
import re
from dataclasses import replace

import pytest

from inrbench.analyse import TABLE_COLUMNS, comparable_runs, leaderboards, markable
from inrbench.analyse.leaderboard import Entry, _sort_and_mark, summarise
from inrbench.analyse.papers import bibtex, papers
from inrbench.errors import StoreError
from inrbench.registry import Registry
from inrbench.report import to_csv, to_markdown
from inrbench.report.formatting import details
from inrbench.spec import Cost, Measurement, Metric
from inrbench.store import Attempt, append


def tables(tmp_path, attempts, **limits):
    for one in attempts:
        append(tmp_path, one)
    return leaderboards(tmp_path, **limits)


def test_means_are_over_seeds_and_then_over_signals(attempt, tmp_path):
    runs = [attempt(psnr=p, mse=m, signal=s, seed=n) for p, m, s, n in
            ((30, 1e-2, "a", 0), (32, 1e-4, "a", 1), (34, 1e-3, "b", 0), (36, 1e-3, "b", 1))]  # fmt: skip
    (leaderboard,) = tables(tmp_path, runs)
    (row,) = leaderboard.rows
    assert (leaderboard.signals, leaderboard.seeds, row.n_signals, row.n_ok, row.seeds) == (["a", "b"], [0, 1], 2, 4, (2, 2))
    assert (row.cells["psnr@test"].mean, row.cells["psnr@test"].std) == (33, pytest.approx(math.sqrt(8)))
    assert row.cells["mse@test"].mean == pytest.approx(1e-3)  # geometric: the arithmetic mean is 3.0e-3
    assert row.cells["mse@test"].std == pytest.approx(1.0)


def test_a_signal_with_more_seeds_does_not_count_more(attempt, tmp_path):
    """Regression: a plain mean over runs favoured the method that is best on the signal with three seeds."""
    runs = [attempt(psnr=40, method="msa", signal="easy", seed=n) for n in range(3)]
    runs += [attempt(psnr=10, method="msa", signal=s) for s in ("hard", "harder")]
    runs += [attempt(psnr=30, method="siren", signal=s) for s in ("easy", "hard", "harder")]
    (leaderboard,) = tables(tmp_path, runs)
    assert [(row.label, row.cells["psnr@test"].mean, row.complete, row.seeds) for row in leaderboard.rows] == [
        ("siren", pytest.approx(30), True, (1, 1)), ("msa", pytest.approx(20), True, (1, 3)),
    ]  # fmt: skip
    assert re.search(r"1 to 3 \| 3 ", to_markdown([leaderboard]))


def test_untrained_runs_have_no_rank_no_mark_and_no_part_in_means(attempt, tmp_path):
    runs = [attempt(psnr=20, method="siren", signal=s) for s in "ab"] + [attempt(psnr=25, method="msa", signal=s) for s in "ab"]
    runs += [attempt(psnr=99, method="flat", signal=s, trained=False) for s in "ab"]
    runs += [
        attempt(psnr=30, method="half", signal="a", trained=True),
        attempt(psnr=1, method="half", signal="b", trained=False),
    ]
    (leaderboard,) = tables(tmp_path, runs)
    assert [(row.label, row.trained, row.complete, row.position) for row in leaderboard.rows] == [
        ("msa", True, True, 1), ("siren", True, True, 2), ("half", True, False, None), ("flat", False, False, None),
    ]  # fmt: skip
    assert leaderboard.rows[0].marks["psnr@test"] == "best"
    assert not leaderboard.rows[2].marks
    assert not leaderboard.rows[3].marks
    assert leaderboard.rows[2].cells["psnr@test"].mean == 30  # of the trained run only
    assert leaderboard.rows[3].cells["psnr@test"].mean == 99  # shown, but labelled as not trained
    text = to_markdown([leaderboard])
    assert "flat (did not train)" in text
    assert "1/2: 1 not trained" in text


def test_a_table_without_trained_methods_has_no_ranks_or_marks(attempt, tmp_path):
    (leaderboard,) = tables(tmp_path, [attempt(psnr=p, method=m, trained=False) for m, p in (("a", 30), ("b", 20), ("c", 10))])
    assert not any(row.marks or row.position or row.rank for row in leaderboard.rows)


def test_a_table_with_one_complete_row_has_no_best(attempt, tmp_path):
    (leaderboard,) = tables(tmp_path, [attempt(psnr=30), attempt(psnr=40, method="msa", status="diverged")])
    assert not leaderboard.rows[0].marks


def test_training_residual_and_oracle_metrics_are_not_markable():
    ids = ("psnr@x", "mse@train", "residual-rms@x", "relative-l2-oracle@x", "ssim@x")
    metrics = [Metric(id=name, higher_is_better=True) for name in ids]
    assert [metric.id for metric in markable(metrics)] == ["psnr@x", "ssim@x"]
    assert [metric.id for metric in markable(metrics[1:])] == ["mse@train", "ssim@x"]  # marked where it is the first metric


def test_old_pde_runs_with_the_error_of_zero_count_as_not_trained(attempt, tmp_path):
    for method, value in (("pinn", 0.99), ("msa-pinn", 0.2), ("sf-pinn", 0.3)):
        made = attempt(method=method)
        metric = Metric(id="relative-l2@test-grid", higher_is_better=False, scale="log")
        append(tmp_path, replace(made, result=replace(made.result, metrics=(Measurement(metric=metric, value=value),))))
    (leaderboard,) = leaderboards(tmp_path)
    assert [(row.label, row.trained) for row in leaderboard.rows] == [("msa-pinn", True), ("sf-pinn", True), ("pinn", False)]


def test_difference_to_best_is_paired_with_an_interval_at_six_signals(attempt, tmp_path):
    for i, signal in enumerate("abcdef"):
        append(tmp_path, attempt(psnr=30 + 3 * i, method="msa", signal=signal))
        append(tmp_path, attempt(psnr=28 + 3 * i + 0.1 * (i % 2), method="siren", signal=signal))
    (leaderboard,) = leaderboards(tmp_path)
    best, other = leaderboard.rows
    assert best.difference_to_best is None
    assert other.difference_to_best.mean == pytest.approx(-1.95)
    interval = other.difference_to_best
    assert -2.001 <= interval.low < interval.mean < interval.high <= -1.899
    text = to_markdown([leaderboard])
    assert "to best [95 %]" in text
    assert "-1.95 [-2.0" in text or "-1.95 [-1.9" in text
    assert "±" not in text


def references(attempt, signals="abcdefgh"):
    """Two methods eight signals apart, a reference that is better than the second, and a constant that is better than a third."""
    runs = []
    for i, signal in enumerate(signals):
        values = {"siren": 30.0, "msa": 28.0 + 0.1 * i, "relu": 9.0}
        runs += [attempt(psnr=v + i, method=m, signal=signal, trained=True) for m, v in values.items()]
        runs += [attempt(psnr=29.5 + i, method="bilinear", signal=signal, trained=True, solved=True)]
        runs += [attempt(psnr=10.0 + i, method="mean", signal=signal, trained=False, solved=True)]
    return runs


def test_references_have_a_position_and_no_rank_and_weaken_no_test(attempt, tmp_path):
    """With eight signals, three pairs can be distinguished and ten cannot."""
    (leaderboard,) = tables(tmp_path, references(attempt))
    assert [(row.label, row.position, row.rank) for row in leaderboard.rows] == [
        ("siren", 1, 1), ("bilinear", 2, None), ("msa", 3, 2), ("mean", 4, None), ("relu", 5, 3),
    ]  # fmt: skip
    assert [row.label for row in leaderboard.rows if row.p_to_best is not None] == ["msa", "relu"]
    assert leaderboard.rows[1].difference_to_best.mean == pytest.approx(-0.5)
    text = to_markdown([leaderboard])
    assert "References, solved by least squares and not trained, so they have no rank: bilinear, mean." in text
    assert "did not train" not in text


def test_a_reference_without_a_finite_value_takes_no_test_from_the_methods(attempt, tmp_path):
    runs = references(attempt) + [
        attempt(psnr=math.inf if s == "a" else 99.0, method="dct", signal=s, solved=True) for s in "abcdefgh"
    ]
    (leaderboard,) = tables(tmp_path, runs)
    assert {row.label: row.rank for row in leaderboard.rows} == {"dct": None, "siren": 1, "bilinear": None, "msa": 2, "mean": None,
                                                                "relu": 3}  # fmt: skip


def test_seeds_of_methods_are_compared_although_a_reference_is_best(attempt, tmp_path):
    runs = [attempt(psnr=v + 0.01 * n, method=m, seed=n) for m, v in (("siren", 30.0), ("msa", 28.0)) for n in range(3)]
    (leaderboard,) = tables(tmp_path, [*runs, attempt(psnr=40.0, method="dct", solved=True)])
    (note,) = [note for note in leaderboard.notes if "t-tests" in note]
    assert "different from siren: msa" in note and "dct" not in note


def test_a_tie_with_a_reference_is_won_by_the_method(attempt, tmp_path):
    (leaderboard,) = tables(tmp_path, [attempt(method="siren"), attempt(method="bilinear", solved=True)])
    assert [row.label for row in leaderboard.rows] == ["siren", "bilinear"]


def test_a_busy_machine_during_the_constant_hides_no_times(attempt, tmp_path):
    one = attempt(method="mean", trained=False, solved=True)
    busy = replace(one, environment=replace(one.environment, load_average=99.0))
    (leaderboard,) = tables(tmp_path, [attempt(method="siren"), attempt(method="msa"), busy])
    assert leaderboard.worker_layout


def test_solvers_that_were_stopped_early_are_named(attempt, tmp_path):
    stopped = attempt(method="dct", solved=True)
    stopped = replace(stopped, result=replace(stopped.result, cost=replace(stopped.result.cost, steps=500)))
    (leaderboard,) = tables(tmp_path, [attempt(), attempt(method="bilinear", solved=True), stopped])
    assert "dct: least squares stopped after 500 iterations, before it converged" in leaderboard.notes


def test_the_constant_stands_where_its_value_puts_it(attempt, tmp_path):
    """It is no better than itself, which is what "did not train" means; methods below it are not better than a constant."""
    (leaderboard,) = tables(tmp_path, references(attempt, "ab"))
    row = next(row for row in leaderboard.rows if row.label == "mean")
    assert (row.trained, row.complete, row.solved, row.failures) == (True, True, True, {})
    others = [attempt(psnr=5.0, method="mean", signal=s, trained=False, task="old") for s in "ab"]  # trained by Adam, once
    old = tables(tmp_path / "old", others)[0].rows[0]
    assert (old.trained, old.solved) == (False, False)


def test_few_signals_give_a_note_with_t_tests_over_seeds(attempt, tmp_path):
    for seed in range(3):
        append(tmp_path, attempt(psnr=30 + 0.01 * seed, method="msa", seed=seed))
        append(tmp_path, attempt(psnr=28 + 0.02 * seed, method="siren", seed=seed))
        append(tmp_path, attempt(psnr=29 + 3 * (seed - 1), method="relu", seed=seed))
    (leaderboard,) = leaderboards(tmp_path)
    (note,) = [note for note in leaderboard.notes if "t-tests" in note]
    assert note.startswith("on a alone, paired t-tests over seeds (Holm), not over signals: different from msa: siren (p ")
    assert "not distinguished from it: relu" in note


def test_rows_are_sorted_by_the_primary_metric_and_marked_by_direction(attempt, tmp_path):
    (leaderboard,) = tables(tmp_path, [attempt(psnr=p, mse=m, method=n) for n, p, m in
                                 (("worst", 10, 1e-3), ("best", 30, 1e-2), ("second", 20, 1e-4))])  # fmt: skip
    assert [row.label for row in leaderboard.rows] == ["best", "second", "worst"]
    assert {row.label: row.marks for row in leaderboard.rows} == {
        "best": {"psnr@test": "best"}, "second": {"psnr@test": "second", "mse@test": "best"}, "worst": {"mse@test": "second"},
    }  # fmt: skip


def test_equal_values_share_a_mark(attempt, tmp_path):
    (leaderboard,) = tables(tmp_path, [attempt(psnr=p, method=n) for n, p in (("a", 30), ("b", 30), ("c", 20))])
    assert [row.marks["psnr@test"] for row in leaderboard.rows] == ["best", "best", "second"]


@pytest.mark.parametrize("field", ["protocol_fingerprint", "device_class", "task", "engine"])
def test_incomparable_runs_never_share_a_table(attempt, tmp_path, field):
    made = tables(
        tmp_path, [attempt(), attempt(**{field: {"device_class": "cuda", "engine": "reference"}.get(field, "other")})]
    )
    assert [len(leaderboard.rows) for leaderboard in made] == [1, 1]


def test_protocols_with_equal_fingerprints_share_a_table(attempt, tmp_path):
    (leaderboard,) = tables(tmp_path, [attempt(), attempt(protocol="renamed", method="msa")])
    assert len(leaderboard.rows) == 2


def test_methods_with_failures_follow_complete_ones_and_have_no_marks(attempt, tmp_path):
    runs = [attempt(psnr=10, signal=s) for s in "ab"] + [attempt(psnr=9, signal=s, method="relu") for s in "ab"]
    runs += [attempt(psnr=99, method="lucky"), attempt(method="lucky", signal="b", status="diverged")]
    runs += [attempt(psnr=98, method="partial")]
    (leaderboard,) = tables(tmp_path, runs)
    assert [row.label for row in leaderboard.rows] == ["siren", "relu", "lucky", "partial"]
    assert leaderboard.rows[0].marks["psnr@test"] == "best"
    assert [row.failures for row in leaderboard.rows] == [{}, {}, {"diverged": 1}, {"not run": 1}]
    assert not leaderboard.rows[2].marks
    text = to_markdown([leaderboard])
    assert "1/2: 1 diverged" in text
    assert "1/2: 1 not run" in text


def test_incomplete_methods_are_sorted_by_the_signals_on_which_they_trained(attempt, tmp_path):
    """The mean of the method that trained on the easiest signal alone is the highest, and says the least."""
    runs = [attempt(psnr=p, method="msa", signal=s) for s, p in (("easy", 50), ("mid", 30), ("hard", 20))]
    runs += [
        attempt(psnr=p, method="siren", signal=s, trained=s != "hard") for s, p in (("easy", 40), ("mid", 20), ("hard", 5))
    ]
    runs += [attempt(psnr=45, method="relu", signal=s, trained=s == "easy") for s in ("easy", "mid", "hard")]
    (leaderboard,) = tables(tmp_path, runs)
    assert [row.label for row in leaderboard.rows] == ["msa", "siren", "relu"]


def test_a_method_without_a_finished_run_has_a_row_with_the_reason(attempt, tmp_path):
    (leaderboard,) = tables(tmp_path, [attempt(), attempt(method="wire", status="oom")])
    assert leaderboard.rows[1].cells == {}
    assert "| wire" in to_markdown([leaderboard])
    assert "0/1: 1 oom" in to_markdown([leaderboard])


def test_a_table_with_only_failed_runs_is_shown(attempt, tmp_path):
    (leaderboard,) = tables(tmp_path, [attempt(status="timeout")])
    assert "0/1: 1 timeout" in to_markdown([leaderboard])


def test_missing_values_are_counted_and_explained(attempt, tmp_path):
    (leaderboard,) = tables(tmp_path, [attempt(psnr=None), attempt(psnr=20, seed=1)])
    assert leaderboard.rows[0].cells["psnr@test"].n == 1
    assert leaderboard.notes == ["psnr@test is missing in 1 run(s): no weights"]


def test_times_of_different_machines_are_not_shown(attempt, tmp_path):
    other = attempt(seed=1)
    other = replace(other, environment=replace(other.environment, hardware_id="other"))
    (leaderboard,) = tables(tmp_path, [attempt(), other])
    assert leaderboard.worker_layout is None
    text = to_markdown([leaderboard])
    assert "train (s)" not in text
    assert "Note: times are not shown: they were taken on different machines" in text


@pytest.mark.parametrize("edited", [
    {"method_sha256": "new"}, {"method_sha256": "new", "params": {"omega": 60.0}}, {"signal_sha256": "new"},
])  # fmt: skip
def test_runs_of_older_code_or_data_do_not_mix_with_newer_ones(attempt, tmp_path, edited):
    (leaderboard,) = tables(tmp_path, [attempt(psnr=10), attempt(psnr=20, **edited)])
    assert leaderboard.rows[0].cells["psnr@test"].mean == 20
    assert (leaderboard.rows[0].n_ok, leaderboard.rows[0].n_signals) == (1, 1)


def test_signals_not_run_again_after_an_edit_count_as_not_run(attempt, tmp_path):
    runs = [attempt(method="relu", signal=s) for s in "ab"] + [attempt(signal=s) for s in "ab"]
    (leaderboard,) = tables(tmp_path, [*runs, attempt(method_sha256="new")])
    assert {row.label: row.failures for row in leaderboard.rows} == {"relu": {}, "siren": {"not run": 1}}


def test_a_metric_that_is_missing_or_nan_is_never_marked(attempt, tmp_path):
    runs = [attempt(method=m, psnr=p, mse=e, signal=s) for m, p, e, s in (
        ("a", 10, 1e-2, "a"), ("a", 10, 1e-2, "b"), ("b", None, math.nan, "a"), ("b", 99, 1e-9, "b"), ("c", 5, 1e-1, "a"), ("c", 5, 1e-1, "b"),
    )]  # fmt: skip
    (leaderboard,) = tables(tmp_path, runs)
    assert {row.label: row.marks for row in leaderboard.rows} == {
        "a": {"psnr@test": "best", "mse@test": "best"}, "b": {}, "c": {"psnr@test": "second", "mse@test": "second"},
    }  # fmt: skip


def test_each_variant_has_its_own_row(attempt, tmp_path):
    (leaderboard,) = tables(tmp_path, [attempt(), attempt(params={"omega": 60.0}, variant="omega=60.0")])
    assert {row.label for row in leaderboard.rows} == {"siren", "siren[omega=60.0]"}


def test_leaderboards_can_be_limited_to_tasks_and_protocols(attempt, tmp_path):
    runs = [attempt(), attempt(task="other", protocol="long", protocol_fingerprint="e" * 12)]
    assert len(tables(tmp_path, runs)) == 2
    assert [b.group.task for b in leaderboards(tmp_path, tasks=["toy"])] == ["toy"]
    assert [b.group.task for b in leaderboards(tmp_path, protocols=["long"])] == ["other"]
    assert [b.group.task for b in leaderboards(tmp_path, protocols=["e" * 12])] == ["other"]
    with pytest.raises(StoreError):
        leaderboards(tmp_path / "absent")


@pytest.mark.parametrize(("values", "log", "mean", "spread"), [
    ([5.0], False, 5.0, None), ([1.0, 3.0], False, 2.0, math.sqrt(2)), ([0.0, 1.0], True, 0.0, None), ([math.inf], False, math.inf, None),
])  # fmt: skip
def test_summarise_gives_mean_and_spread(values, log, mean, spread):
    cell = summarise(values, log)
    assert cell.mean == mean
    if spread is not None:
        assert cell.std == pytest.approx(spread)


def test_csv_has_numbers_and_one_line_per_method(attempt, tmp_path):
    made = tables(tmp_path, [attempt(psnr=30.5), attempt(method="wire", status="oom")])
    head, *lines = (line.split(",") for line in to_csv(made).splitlines())
    rows = [dict(zip(head, line, strict=True)) for line in lines]
    assert [row["method"] for row in rows] == ["siren", "wire"]
    assert (rows[0]["psnr@test mean"], rows[0]["psnr@test n"], rows[0]["signals"]) == ("30.5", "1", "1")
    assert rows[1]["psnr@test mean"] == ""


def test_every_method_that_cites_a_paper_has_its_bibtex(registry: Registry):
    for name in registry.methods:
        paper = registry.method(name).paper
        if paper:
            assert bibtex(paper).startswith("@"), name
            assert "author = {" in bibtex(paper)
    assert bibtex("nobody2020nothing") is None
    assert "han2026msa" in papers()


def test_a_signal_skipped_by_every_method_is_left_out(attempt, tmp_path):
    for method, psnr in (("siren", 30.0), ("msa", 31.0)):
        append(tmp_path, attempt(psnr, method=method))
        append(tmp_path, attempt(method=method, signal="thai", status="skipped"))
    (leaderboard,) = leaderboards(tmp_path)
    assert leaderboard.signals == ["a"]
    assert [(row.label, row.complete, row.marks.get("psnr@test")) for row in leaderboard.rows] == [
        ("msa", True, "best"), ("siren", True, "second"),
    ]  # fmt: skip
    assert leaderboard.notes == ["thai is left out: why"]
    append(tmp_path, attempt(32.0, method="relu", signal="thai"))
    (leaderboard,) = leaderboards(tmp_path)
    assert leaderboard.signals == ["a", "thai"], "one method has run it: the others are incomplete"


def test_times_of_runs_that_shared_a_gpu_are_never_shown(attempt, tmp_path):
    for method, jobs in (("siren", 4), ("msa", 4), ("relu", 1)):
        one = attempt(method=method, device_class="cuda")
        cost = replace(one.result.cost, train_seconds=9.0)
        append(tmp_path, replace(one, result=replace(one.result, cost=cost), environment=replace(one.environment, jobs=jobs)))
    (group,) = comparable_runs(tmp_path, TABLE_COLUMNS)
    assert group.runs.set_index("method")["train_seconds"].dropna().to_dict() == {"relu": 9.0}
    (leaderboard,) = leaderboards(tmp_path)
    assert leaderboard.worker_layout is None
    assert "times are not shown: 2 run(s) shared a GPU with others" in leaderboard.notes
    assert not any("different machines" in note for note in leaderboard.notes)


def test_times_of_a_busy_machine_are_not_shown(attempt, tmp_path):
    for method, load in (("siren", 1.0), ("msa", 7.0)):
        made = attempt(method=method)
        append(tmp_path, replace(made, environment=replace(made.environment, load_average=load, cores=4)))
    (leaderboard,) = leaderboards(tmp_path)
    assert leaderboard.worker_layout is None
    assert leaderboard.notes[-1] == "times are not shown: 1 run(s) began on a machine that was busy with other work"


def test_a_table_with_only_skipped_runs_is_shown(attempt, tmp_path):
    append(tmp_path, attempt(status="skipped"))
    (leaderboard,) = leaderboards(tmp_path)
    assert leaderboard.rows[0].failures == {"skipped": 1}


def test_dispersion_metrics_are_not_marked():
    rows = [Entry(label=name, n_ok=1, failures={}, cells={"std@t": summarise([value])}, train_seconds=None, gpu_bytes=None, n_deployed=None,
                n_params=None, n_params_min=None) for name, value in (("a", 1.0), ("b", 2.0))]  # fmt: skip
    _sort_and_mark(rows, [Metric(id="std@t", higher_is_better=False, scale="dispersion")], 1)
    assert not any(row.marks for row in rows)


def test_parameter_counts_that_differ_between_signals_are_shown_as_a_range(attempt, tmp_path):
    for signal, size in (("b", 300), ("a", 200), ("c", 250)):
        one = attempt(signal=signal)
        append(tmp_path, replace(one, result=replace(one.result, cost=replace(one.result.cost, n_params=size))))
    (leaderboard,) = leaderboards(tmp_path)
    assert (leaderboard.rows[0].n_params_min, leaderboard.rows[0].n_params) == (200, 300)
    assert "200 to 300" in to_markdown([leaderboard])


def test_a_smaller_deployed_parameter_count_is_shown(attempt, tmp_path):
    for method, stored, deployed in (("fr", 3000, 200), ("siren", 200, 200), ("old", 200, None)):
        one = attempt(method=method)
        cost = replace(one.result.cost, n_params=stored, n_params_stored=stored, n_params_deployed=deployed)
        append(tmp_path, replace(one, result=replace(one.result, cost=cost)))
    (leaderboard,) = leaderboards(tmp_path)
    assert {row.label: row.n_deployed for row in leaderboard.rows} == {"fr": 200, "siren": None, "old": None}
    assert "3,000 → 200" in to_markdown([leaderboard])


def costing(one: Attempt, **cost: object) -> Attempt:
    """Return an attempt with another cost."""
    return replace(one, result=replace(one.result, cost=Cost(**cost)))


def test_times_of_runs_in_another_step_mode_are_not_shown(attempt, tmp_path):
    """A compiled step takes a fraction of the time of an eager one, whatever the method."""
    usual = [costing(attempt(method=m), train_seconds=s, compiled=True) for m, s in (("msa", 10.0), ("siren", 20.0))]
    other = costing(attempt(method="wire"), train_seconds=90.0, compiled=False)
    fitted_itself = costing(attempt(method="gp"), train_seconds=5.0, compiled=False, engine_note="the method fits itself")
    (table,) = tables(tmp_path, [*usual, other, fitted_itself])
    times = {row.label: row.train_seconds.mean for row in table.rows if row.train_seconds is not None}
    assert times == {"msa": 10.0, "siren": 20.0, "gp": 5.0}
    assert "times are not shown for wire: their steps were eager, those of most runs were compiled" in table.notes


def test_times_of_runs_that_shared_a_gpu_are_not_shown(attempt, tmp_path):
    runs = [
        costing(attempt(method=m, device_class="cuda"), train_seconds=9.0, compiled=True, gpu_shared=m == "wire")
        for m in ("siren", "wire")
    ]
    (table,) = tables(tmp_path, runs)
    assert table.worker_layout is None
    assert "times are not shown: 1 run(s) shared a GPU with others" in table.notes


def test_how_settings_were_found_is_said_once_and_the_ranges_apart(attempt, tmp_path):
    from inrbench.analyse.run_notes import searched_ranges

    how = "tuned with a budget of 4 runs on a, b by psnr@test"
    for method, ranges in (("siren", "lr 0.0001 to 0.01, omega 5 to 120"), ("wire", "lr 0.0001 to 0.01, scale 1 to 40")):
        one = attempt(method=method, track="tuned-4")
        append(tmp_path, replace(one, result=replace(one.result, notes=(f"{how}; {ranges}",))))
    one = attempt(method="mean", track="tuned-4")
    append(tmp_path, replace(one, result=replace(one.result, notes=("solved; in closed form",))))
    (table,) = leaderboards(tmp_path, curves=True)
    assert [note for note in table.notes if "tuned" in note or "solved" in note] == [
        "mean: solved; in closed form", f"siren, wire: {how}",
    ]  # fmt: skip
    assert "Ranges of the search of wire: lr 0.0001 to 0.01, scale 1 to 40." in details(table)
    assert searched_ranges(table.group.runs) == {
        "siren": "lr 0.0001 to 0.01, omega 5 to 120", "wire": "lr 0.0001 to 0.01, scale 1 to 40",
    }  # fmt: skip


def test_a_table_of_trials_shows_only_the_metrics_that_all_of_them_have(attempt, tmp_path):
    """Trials compute only the metrics that rank them; those of earlier versions have all."""
    whole = attempt(method="siren", track="search")
    append(tmp_path, whole)
    short = attempt(method="wire", track="search")
    append(tmp_path, replace(short, result=replace(short.result, metrics=short.result.metrics[:1])))
    (table,) = leaderboards(tmp_path, track="search")
    assert [metric.id for metric in table.metrics] == [whole.result.metrics[0].metric.id]


def test_a_table_has_runs_of_one_recipe_per_method(attempt, tmp_path, caplog):
    for signal, lr in (("a", "1e-3"), ("b", "1e-3"), ("b", "1e-4")):
        value = 30.0 if lr == "1e-3" else 50.0
        append(tmp_path, attempt(value, signal=signal, track="tuned-4", training={"lr": lr}))
        append(tmp_path, attempt(20.0, signal=signal, method="msa", track="tuned-4"))
    (leaderboard,) = leaderboards(tmp_path)
    rows = {row.label: row for row in leaderboard.rows}
    assert (rows["siren"].complete, rows["siren"].cells["psnr@test"].mean) == (False, 50.0), (
        "the mean is not one of two recipes"
    )
    assert rows["msa"].complete
    assert "siren was trained with several recipes; only runs of the newest are shown" in caplog.text


def test_rows_with_other_parameters_are_of_the_newest_code_too(attempt, tmp_path):
    append(tmp_path, attempt(method="msa", variant="s_max=3.0", params={"s_max": 3.0}))
    append(tmp_path, attempt(method="msa", method_sha256="2" * 64))
    append(tmp_path, attempt(method="siren"))
    (leaderboard,) = leaderboards(tmp_path)
    assert sorted(row.label for row in leaderboard.rows) == ["msa", "siren"]
