"""Claims are validated when read, and evaluated with the spread of our own runs."""

import math
import re
from dataclasses import replace

import pytest
from click.testing import CliRunner

from inrbench.analyse import comparable_runs
from inrbench.analyse.claims import claims_of, read_claims
from inrbench.analyse.papers import bibtex, paper_key, papers
from inrbench.analyse.verdicts import COLUMNS, evaluate_claims
from inrbench.cli.main import cli
from inrbench.cli.reproduce import requests_for
from inrbench.errors import BadValue, UnknownName
from inrbench.report.claims import side_by_side, summary, verdict_text
from inrbench.spec import Cost, Measurement, ProbeReading
from inrbench.store import append

GOOD = """
[paper]
title = "x"

[[claims]]
item = "table1"
source = "Table 1"
kind = "value"
column = "MSE"
task = "function1d"
signals = ["sin200"]
protocol = "quick"
metric = "mse@train"
values = { siren = 1e-4 }
"""


def claims(registry, text=GOOD):
    return list(read_claims(text, "p.toml", registry))


@pytest.fixture
def measured(attempt, registry, tmp_path):
    """Return a function that stores runs of function1d at its quick protocol and gives their groups."""
    task = registry.task("function1d")
    metric = task.metric("mse@train")

    def store(rows, **spec):
        for method, values in rows.items():
            name, _, variant = method.partition("[")
            for seed, value in enumerate(values):
                fields = {
                    "task": "function1d", "signal": "sin200", "method": name, "variant": variant.removesuffix("]"), "seed": seed,
                    "protocol": "quick", "params": {"v": variant},
                    "protocol_fingerprint": task.protocols["quick"].fingerprint(task.name, task.version), **spec,
                }  # fmt: skip
                made = attempt(status="ok" if value is not None else "diverged", **fields)
                numbers = (Measurement(metric=metric, value=value),) if value is not None else ()
                append(tmp_path, replace(made, result=replace(made.result, metrics=numbers)))
        return comparable_runs(tmp_path, COLUMNS)

    return store


def verdicts(registry, groups, text=GOOD):
    return evaluate_claims(claims(registry, text), groups, registry)


def test_a_value_within_our_spread_over_seeds_is_reproduced(registry, measured):
    (verdict,) = verdicts(registry, measured({"siren": [0.8e-4, 1.5e-4, 2.5e-4]}))
    logs = [math.log10(v) for v in (0.8e-4, 1.5e-4, 2.5e-4)]
    mean = sum(logs) / 3
    deviation = math.sqrt(sum((x - mean) ** 2 for x in logs) / 2)
    half = 4.302653 * deviation * math.sqrt(4 / 3)  # Student's t of 2 degrees of freedom, 97.5 %
    assert verdict.outcome == "reproduced"
    assert verdict.measured == pytest.approx(10**mean)
    assert (verdict.low, verdict.high) == pytest.approx((10 ** (mean - half), 10 ** (mean + half)), rel=1e-5)
    assert len(verdict.runs) == 3


@pytest.mark.parametrize(("value", "note"), [(1.0, ""), (1e-9, "better than printed")])
def test_a_value_outside_our_spread_is_not_reproduced(registry, measured, value, note):
    (verdict,) = verdicts(registry, measured({"siren": [value, 1.01 * value, 1.02 * value]}))
    assert (verdict.outcome, verdict.note) == ("not reproduced", note)


def test_a_single_run_uses_the_spread_of_other_methods(registry, measured):
    (verdict,) = verdicts(registry, measured({"siren": [3e-4], "msa": [1e-3, 1e-2, 1e-1]}))
    assert (verdict.outcome, verdict.text) == ("consistent", "consistent (1 seed)")
    assert verdict.low < 1e-4 < verdict.high


def test_a_single_run_without_a_known_spread_has_a_note(registry, measured):
    (verdict,) = verdicts(registry, measured({"siren": [1.2e-4]}))
    assert (verdict.outcome, verdict.note) == ("consistent", "the spread over seeds is not known")  # within a tenth of a decade


def test_a_different_protocol_and_a_missing_run_are_distinguished(registry, measured):
    (verdict,) = verdicts(registry, measured({"siren": [1e-4]}, protocol="long", protocol_fingerprint="e" * 12))
    assert (verdict.outcome, verdict.measured, verdict.note) == (
        "protocol differs",
        pytest.approx(1e-4),
        "measured under protocol long",
    )
    assert verdicts(registry, [])[0].outcome == "not run"


def test_the_scale_model_is_compared_with_the_paper_before_other_protocols(registry, measured):
    """A smoke test with more seeds is no comparison for a number of the paper."""
    measured({"siren": [1e-1] * 5}, protocol="quick", protocol_fingerprint="a" * 12)
    measured({"siren": [1e-2] * 4}, protocol="other", protocol_fingerprint="b" * 12)
    groups = measured({"siren": [1e-3]}, protocol="standard", protocol_fingerprint="c" * 12)
    (verdict,) = verdicts(registry, groups)
    assert (verdict.outcome, verdict.note) == ("protocol differs", "measured under protocol standard")
    assert verdict.measured == pytest.approx(1e-3)


def test_failed_runs_give_the_verdict_not_reproduced(registry, measured):
    (verdict,) = verdicts(registry, measured({"siren": [None]}))
    assert (verdict.outcome, verdict.note) == ("not reproduced", "1 run(s) failed")


BOUND = GOOD.replace('kind = "value"\ncolumn = "MSE"', 'kind = "bound"').replace(
    "values = { siren = 1e-4 }", "above = { siren = 1e-4 }"
)


@pytest.mark.parametrize(("values", "outcome"), [
    ([1e-3], "bound holds"),
    ([1.2e-4], "consistent"),  # another seed may be on the other side
    ([0.9e-4], "consistent"),
    ([1e-5], "incomplete"),  # the spread over seeds is not known
    ([1e-5, 1.1e-5, 1.2e-5], "not reproduced"),
])  # fmt: skip
def test_verdicts_on_a_bound(registry, measured, values, outcome):
    (verdict,) = verdicts(registry, measured({"siren": values}), BOUND)
    assert (verdict.claimed, verdict.outcome) == ("> 0.0001", outcome)


@pytest.mark.parametrize(("side", "outcome", "shown"), [("above", "incomplete", 0.468), ("below", "bound holds", 0.701)])
def test_a_bound_on_a_probe_holds_at_each_of_its_readings(side, outcome, shown, registry, attempt, tmp_path):
    """What stays above 60 % is not above 60 % at one reading, or on average."""
    task = registry.task("function1d")
    made = attempt(task="function1d", signal="sin200", protocol="quick",
                   protocol_fingerprint=task.protocols["quick"].fingerprint(task.name, task.version))  # fmt: skip
    readings = tuple(
        ProbeReading(probe="ntk", step=step, name="r1", value=value)
        for step, value in ((0, 0.65), (300, 0.701), (10_000, 0.468))
    )
    append(tmp_path, replace(made, result=replace(made.result, probes=readings)))
    bound = {"above": 0.6, "below": 0.8}[side]
    text = re.sub(r'metric = "[^"]*"', 'metric = "ntk/r1"', BOUND).replace(
        "above = { siren = 1e-4 }", f"{side} = {{ siren = {bound} }}"
    )
    (verdict,) = verdicts(registry, comparable_runs(tmp_path, COLUMNS), text)
    assert (verdict.outcome, verdict.measured) == (outcome, shown)


ORDER = GOOD.replace('kind = "value"\ncolumn = "MSE"', 'kind = "best"').replace(
    "values = { siren = 1e-4 }", 'best = "siren"\ncompared = ["siren", "msa"]'
)


def test_verdicts_on_an_ordering(registry, measured):
    groups = measured({"siren": [1e-5], "msa": [1e-4]})
    assert verdicts(registry, groups, ORDER)[0].text == "consistent (1 seed)"
    (second,) = verdicts(registry, groups, ORDER + "position = 2\n")
    assert (second.outcome, second.note) == ("not reproduced", "order: siren, msa")
    assert verdicts(registry, groups, ORDER.replace('"msa"]', '"relu"]'))[0].outcome == "not run"


def test_each_signal_requires_the_ordering_on_every_signal(registry, measured):
    both = ORDER.replace('["sin200"]', '["sin200", "sin500"]') + "each_signal = true\n"
    measured({"siren": [1e-5], "msa": [1e-4]})
    (verdict,) = verdicts(registry, measured({"siren": [1e-5], "msa": [1e-6]}, signal="sin500"), both)
    assert (verdict.outcome, verdict.found) == ("not reproduced", "best on 1 of 2")


def test_a_part_of_the_signals_refutes_an_ordering_on_every_signal_or_leaves_it_open(registry, measured):
    every = ORDER.replace('["sin200"]', '["sin200", "sin500"]') + "each_signal = true\n"
    mean = every.replace("each_signal = true\n", "")
    groups = measured({"siren": [1e-5], "msa": [1e-4]})
    (verdict,) = verdicts(registry, groups, every)
    assert (verdict.outcome, verdict.found, verdict.note) == ("incomplete", "best on 1 of 1", "1 of 2 signals missing")
    assert verdicts(registry, groups, mean)[0].outcome == "incomplete"
    other = every.replace('best = "siren"', 'best = "msa"')
    assert verdicts(registry, groups, other)[0].outcome == "not reproduced"  # one signal is enough to refute it
    assert verdicts(registry, groups, other.replace("each_signal = true\n", ""))[0].outcome == "incomplete"


def test_failed_runs_on_a_part_of_the_signals_are_no_missing_signals(registry, measured):
    both = GOOD.replace('["sin200"]', '["sin200", "sin500"]')
    measured({"siren": [1e-4] * 3})
    (verdict,) = verdicts(registry, measured({"siren": [None] * 3}, signal="sin500"), both)
    assert (verdict.outcome, verdict.note) == ("not reproduced", "3 run(s) failed; 1 of 2 signals missing")


def test_the_best_method_that_fails_on_a_signal_does_not_lead_there(registry, measured):
    every = ORDER.replace('["sin200"]', '["sin200", "sin500"]') + "each_signal = true\n"
    measured({"siren": [1e-5], "msa": [1e-4]})
    (verdict,) = verdicts(registry, measured({"siren": [None], "msa": [1e-4]}, signal="sin500"), every)
    assert (verdict.outcome, verdict.note) == ("not reproduced", "1 run(s) of siren failed; 1 of 2 signals missing")


def test_seeds_that_do_not_have_all_signals_are_not_averaged(registry, measured):
    both = GOOD.replace('["sin200"]', '["sin200", "sin500"]')
    measured({"siren": [1e-4]})
    (verdict,) = verdicts(registry, measured({"siren": [None, 1e-4]}, signal="sin500"), both)
    assert verdict.note.endswith("no seed has all signals")


def test_an_average_over_signals_requires_every_signal(registry, measured):
    both = GOOD.replace('["sin200"]', '["sin200", "sin500"]')
    (verdict,) = verdicts(registry, measured({"siren": [1e-4, 1e-4]}), both)
    assert (verdict.outcome, verdict.note) == ("incomplete", "1 of 2 signals missing")
    (verdict,) = verdicts(registry, measured({"siren": [1e-4]}, signal="sin500"), both)
    assert verdict.text == "consistent (1 seed)"
    (verdict,) = verdicts(registry, measured({"siren": [1e-4, 1e-4, 1e-4]}, signal="sin500"), both)
    assert verdict.text == "consistent (2 seeds)", "only seeds that cover every signal count"


def test_an_ordering_in_each_of_three_seeds_is_reproduced(registry, measured):
    groups = measured({"siren": [1e-5] * 3, "msa": [1e-4] * 3})
    assert verdicts(registry, groups, ORDER)[0].outcome == "reproduced"


def test_an_ordering_of_the_means_that_one_seed_contradicts_is_not_reproduced(registry, measured):
    groups = measured({"siren": [1e-7, 1e-5, 2e-4], "msa": [1e-4] * 3})
    (verdict,) = verdicts(registry, groups, ORDER)
    assert (verdict.outcome, "in 2 of 3 seeds" in verdict.note) == ("consistent", True)


def test_a_number_beside_failed_seeds_is_not_reproduced(registry, measured):
    (verdict,) = verdicts(registry, measured({"siren": [0.8e-4, 1.5e-4, 2.5e-4, None, None]}))
    assert (verdict.outcome, verdict.note) == ("consistent", "2 run(s) failed")


def test_one_run_of_unknown_spread_does_not_refute_a_number_in_decibels(registry, attempt, tmp_path):
    task = registry.task("photo")
    made = attempt(task="photo", signal="camera", method="siren", protocol="quick",
                   protocol_fingerprint=task.protocols["quick"].fingerprint(task.name, task.version))  # fmt: skip
    psnr = Measurement(metric=task.metric("psnr@clip-float"), value=30.3)
    append(tmp_path, replace(made, result=replace(made.result, metrics=(psnr,))))
    text = GOOD.replace('task = "function1d"', 'task = "photo"').replace("sin200", "camera").replace("1e-4", "30.0")
    text = re.sub(r'metric = "[^"]*"', 'metric = "psnr@clip-float"', text)
    (verdict,) = verdicts(registry, comparable_runs(tmp_path, COLUMNS), text)
    assert (verdict.outcome, verdict.note) == ("incomplete", "better than printed; the spread over seeds is not known")


def test_guessed_conditions_give_the_verdict_protocol_guessed(registry, measured):
    groups = measured({"siren": [1.0, 1.0, 1.0]})
    (verdict,) = verdicts(registry, groups, GOOD + 'guessed = "the equation is not printed"\n')
    assert verdict.outcome == "protocol guessed"
    assert verdict.note == "under the guessed conditions: not reproduced; the equation is not printed"
    assert verdicts(registry, [], GOOD + 'guessed = "no"\n')[0].outcome == "not run"


def test_a_failed_solution_that_agrees_gives_the_verdict_both_fail(registry, attempt, tmp_path):
    task = registry.task("heat1d")
    metric = task.metric("relative-l2@test-grid")
    made = attempt(task="heat1d", signal="b20", method="pinn",
                   protocol_fingerprint=task.protocols["quick"].fingerprint(task.name, task.version))  # fmt: skip
    append(tmp_path, replace(made, result=replace(made.result, metrics=(Measurement(metric=metric, value=1.0),))))
    text = (
        GOOD.replace('"function1d"', '"heat1d"')
        .replace("sin200", "b20")
        .replace("mse@train", metric.id)
        .replace("siren = 1e-4", "pinn = 0.95")
    )
    assert verdicts(registry, comparable_runs(tmp_path, COLUMNS), text)[0].outcome == "both fail"


def test_claims_on_equations_the_paper_omits_are_marked_as_guessed(registry):
    guessed = {claim.item for claim in claims_of(paper_key("msa2026"), registry) if claim.guessed}
    assert guessed == {"table3", "table4", "figure5"}


@pytest.mark.parametrize(("load", "outcome", "note"), [
    (0.5, "protocol differs", "the paper's hardware is not stated"),
    (50.0, "not run", "no times: the runs began on a machine that was busy"),
])  # fmt: skip
def test_times_of_a_busy_machine_are_not_compared(registry, attempt, tmp_path, load, outcome, note):
    task = registry.task("function1d")
    made = attempt(task="function1d", signal="sin200", method="siren", protocol="quick",
                   protocol_fingerprint=task.protocols["quick"].fingerprint(task.name, task.version))  # fmt: skip
    append(tmp_path, replace(made, result=replace(made.result, cost=Cost(train_seconds=9.0)),
                             environment=replace(made.environment, load_average=load)))  # fmt: skip
    text = GOOD.replace("mse@train", "train_seconds").replace("siren = 1e-4", "siren = 9.0")
    append(
        tmp_path,
        replace(made, result=replace(made.result, spec=replace(made.result.spec, seed=1), status="diverged", metrics=())),
    )
    (verdict,) = verdicts(registry, comparable_runs(tmp_path, COLUMNS), text)
    assert verdict.outcome == outcome  # a run that failed beside a masked time is no evidence
    assert verdict.note.startswith(note)
    assert (verdict.measured is None) == (outcome == "not run")


def test_worst_case_over_compares_the_worst_value_of_each_method(registry, measured):
    text = ORDER.replace('best = "siren"', 'best = "msa"').replace('["siren", "msa"]', '["msa", "msa[spacing=linear]"]')
    groups = measured({
        "msa[s_max=1.0]": [1e-3], "msa[s_max=2.0]": [2e-3],
        "msa[s_max=1.0,spacing=linear]": [1e-6], "msa[s_max=2.0,spacing=linear]": [1.0],
    })  # fmt: skip
    (verdict,) = verdicts(registry, groups, text + 'worst_case_over = "s_max"\n')
    assert (verdict.outcome, len(verdict.runs)) == ("consistent", 4)
    groups = measured({"msa[s_max=3.0]": [None]})
    (verdict,) = verdicts(registry, groups, text + 'worst_case_over = "s_max"\n')
    assert verdict.outcome == "not reproduced", "a setting that diverges is the worst one"


def test_claims_can_refer_to_probe_readings(registry, attempt, tmp_path):
    task = registry.task("function1d")
    fingerprint = task.protocols["quick"].fingerprint(task.name, task.version)
    made = attempt(task="function1d", signal="sin200", protocol_fingerprint=fingerprint)
    readings = tuple(ProbeReading(probe="ntk", step=s, name="r1", value=v) for s, v in ((0, 0.9), (290, 0.7), (500, 0.2)))
    append(tmp_path, replace(made, result=replace(made.result, probes=readings)))
    text = BOUND.replace("mse@train", "ntk/r1").replace("1e-4", "0.6")
    groups = comparable_runs(tmp_path, COLUMNS)
    assert verdicts(registry, groups, text + "at_step = 300\n")[0].measured == pytest.approx(0.7)
    number = GOOD.replace("mse@train", "ntk/r1").replace("1e-4", "0.6")
    assert verdicts(registry, groups, number)[0].measured == pytest.approx(0.6), "the mean over all readings"


@pytest.mark.parametrize(("old", "new", "fault"), [
    ('kind = "value"', 'kind = "guess"', "kind must be one of value, bound, best, got 'guess'"),
    ('protocol = "quick"', 'protocol = "gone"', "has no protocol 'gone' any more: paper, standard, quick"),
    ('metric = "mse@train"', 'metric = "mse@moon"', "has no metric 'mse@moon'"),
    ('signals = ["sin200"]', 'signals = ["sin3"]', "has no signal 'sin3'"),
    ('task = "function1d"', 'task = "nosuch"', "there is no task 'nosuch'"),
    ('column = "MSE"', 'colour = "red"', "a claim of kind 'value' has no 'colour'"),
    ("values = { siren = 1e-4 }", "", "a claim of kind 'value' needs 'values'"),
    ('kind = "value"\ncolumn = "MSE"', 'kind = "best"\nbest = "a"\ncompared = ["b"]', "a claim of kind 'best' has no 'values'"),
])  # fmt: skip
def test_invalid_claims_are_refused_with_file_and_line(registry, old, new, fault):
    with pytest.raises(BadValue, match=re.escape("p.toml:5: ") + ".*" + re.escape(fault)):
        claims(registry, GOOD.replace(old, new))


def test_a_claim_of_kind_best_on_a_probe_is_refused(registry):
    with pytest.raises(BadValue, match="has no direction, so none can be best"):
        claims(registry, ORDER.replace("mse@train", "ntk/r1"))


@pytest.mark.parametrize("key", sorted(papers()))
def test_claims_of_every_paper_can_be_evaluated_and_planned(registry, key):
    found = claims_of(key, registry)
    assert len(evaluate_claims(found, [], registry)) >= len(found)
    for quick in (False, True):
        for request in requests_for(found, quick, (0,), "cpu"):
            from inrbench.planning import make_plan

            make_plan(request, {})
    assert bibtex(key).startswith("@")


def test_all_claims_of_msa2026_are_entered(registry):
    found = claims_of(paper_key("msa2026"), registry)
    counts = {}
    for claim in found:
        counts[claim.item] = counts.get(claim.item, 0) + len(claim.values) + len(claim.above) + (claim.kind == "best")
    assert counts == {
        "table1": 20, "table2": 20, "table3": 24, "table4": 10, "figure2a": 6, "figure2b": 2, "figure3": 4, "figure4": 1,
        "figure5": 1,
    }  # fmt: skip
    with pytest.raises(UnknownName, match="did you mean 'table3'"):
        claims_of(paper_key("msa2026"), registry, "tabel3")
    with pytest.raises(UnknownName, match="did you mean 'msa2026'"):
        paper_key("msa2025")


def test_verdicts_are_reported_as_text_markdown_and_json(registry, measured):
    found = verdicts(registry, measured({"siren": [1.0, 1.1]}))
    assert summary(found) == "1 claim: 1 not reproduced"
    assert "| table1 | MSE      | siren    |    0.0001 |" in verdict_text("p", found, "markdown")
    assert "0.0001 -> 1.049 !" in side_by_side("table1", found)
    assert '"verdict": "not reproduced"' in verdict_text("p", found, "json")


@pytest.mark.slow
def test_reproduce_command_runs_and_draws_a_figure(tmp_path, monkeypatch):
    quick = papers()["han2026msa"] | {"short": "msa2026"}
    assert quick["claims"]
    monkeypatch.setattr(
        "inrbench.analyse.papers.paper_texts", lambda: {"han2026msa": GOOD.replace("[paper]", 'short = "p"\n[paper]')}
    )
    monkeypatch.setattr("inrbench.analyse.claims.paper_texts", lambda: {"han2026msa": GOOD + 'figure = "curves"\n'})
    words = [
        "reproduce",
        "han2026msa",
        "--protocol",
        "quick",
        "--device",
        "cpu",
        "--results",
        str(tmp_path / "r"),
        "-o",
        str(tmp_path),
    ]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert "siren  0.0001 -> " in done.output
    assert (tmp_path / "table1.png").stat().st_size > 1000
    again = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert "0 to do" in again.output


def test_claims_command_on_an_empty_folder_reports_not_run(tmp_path):
    done = CliRunner().invoke(
        cli, ["claims", "msa2026", "--item", "table4", "--results", str(tmp_path)], catch_exceptions=False
    )
    assert "10 claims: 10 not run" in done.output
