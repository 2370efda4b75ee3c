"""The runner for the command line and Python: the same options, the same report, and an observer instead of printing."""

import inspect
from dataclasses import fields

import pytest

import inrbench
from inrbench.cli.run import command
from inrbench.errors import BadValue
from inrbench.execute import RunOutcome
from inrbench.planning import Estimate, Plan, Request, RunOptions
from inrbench.runner import QuietObserver, run
from inrbench.runner.console import _print_estimate, _ProgressLines
from inrbench.runner.report import RunReport
from inrbench.runner.runner import sort_jobs
from inrbench.spec import Progress

TINY = {"epochs": "2", "width": "8"}
OPTIONS = {"tasks": "function1d", "protocol": "quick", "signals": "sin200", "changes": TINY, "device": "cpu", "jobs": 1}
ONLY_IN_A_SHELL = {"profile"}
"""Command-line options that are only a different way to write other options."""


def test_command_line_and_python_take_the_same_options():
    options = {field.name for field in fields(RunOptions)}
    of_command = {parameter.name for parameter in command.params} - ONLY_IN_A_SHELL
    of_function = set(inspect.signature(inrbench.run).parameters) - {"observer"}
    assert of_command == options
    assert of_function == options


def test_observer_receives_all_events_and_nothing_is_printed(tmp_path, capfd):
    events = []

    class Recorder(QuietObserver):
        def planned(self, report, request, options):
            events.append(("planned", len(report.plan.todo)))

        def finished(self, job, outcome):
            events.append(("finished", job.spec.method, outcome.status))

        def ended(self, report, request, options):
            events.append(("ended", len(report.outcomes)))

    report = run(RunOptions(methods="relu,siren", results=tmp_path, **OPTIONS), Recorder())
    assert events == [("planned", 2), ("finished", "relu", "ok"), ("finished", "siren", "ok"), ("ended", 2)]
    assert capfd.readouterr() == ("", "")
    assert report.exit_code == 0
    again = run(RunOptions(methods="relu,siren", results=tmp_path, **OPTIONS), Recorder())
    assert (len(again.plan.done), again.outcomes) == (2, [])
    assert again.run_ids == report.run_ids


def test_dry_run_has_a_plan_and_no_outcomes(tmp_path):
    report = run(RunOptions(methods="relu", results=tmp_path, dry_run=True, **OPTIONS), QuietObserver())
    assert (len(report.plan.todo), report.outcomes, report.exit_code) == (1, [], 0)
    assert report.estimate.seconds[0] > 0
    assert not list(tmp_path.rglob("*.parquet"))


def test_contradictory_options_are_refused_in_python(tmp_path):
    with pytest.raises(BadValue, match="--suite quick names its own protocol"):
        inrbench.run("relu", suite="quick", protocol="paper", results=tmp_path)


def report_of(jobs, ranges, workers=1) -> RunReport:
    return RunReport(Plan(todo=list(jobs), done=[], failed=[]), [jobs], Estimate(ranges=ranges), workers)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"measured": 2}, "estimated from earlier runs."),
        ({"timed": 2}, "estimated from a short timing on this machine."),
        ({"measured": 1, "timed": 1}, "estimated from earlier runs and a short timing on this machine."),
        ({"unknown": 2}, "not known: no steps could be timed beforehand."),
        ({"unreadable": ["no such file"]}, "not known: no steps could be timed beforehand."),
    ],
)
def test_sources_of_an_estimate_are_named(tiny_jobs, capsys, counts, expected):
    report = report_of(tiny_jobs(seeds=range(2)), [(1.0, 2.0)] * 2)
    report.estimate = Estimate(ranges=[(1.0, 2.0)] * 2, **counts)
    _print_estimate(report, Request(tasks="function1d", methods="relu", protocol="quick"))
    assert capsys.readouterr().out.splitlines()[-1].endswith(expected)


def outcome(seconds: float, status: str = "ok") -> RunOutcome:
    return RunOutcome(status=status, message=None, error_type=None, wall_seconds=seconds, primary=None)


def test_without_a_terminal_a_line_per_minute_reports_a_run(tiny_jobs):
    jobs = tiny_jobs(seeds=range(2))
    lines = _ProgressLines(report_of(jobs, [(50.0, 200.0)] * 2))
    job = jobs[0]
    assert not list(lines.lines(job, Progress(), 0.0))
    assert not list(lines.lines(job, Progress(), 59.0))
    assert list(lines.lines(job, Progress(0, 4), 60.0)) == [
        f"running  {job.spec.title}: step 0 of 4", "0 of 2 runs ended, about 1.7 to 6.7 min left",
    ]  # fmt: skip
    assert not list(lines.lines(job, Progress(1, 4), 70.0))
    assert next(lines.lines(job, Progress(3, 4, 0.5, 0.125, 2.0), 121.0)) == (
        f"running  {job.spec.title}: step 3 of 4, loss 0.5, mse@train 0.125, 2 s per step, about 2 s left"
    )


def test_the_remaining_time_is_corrected_by_what_the_runs_show(tiny_jobs):
    jobs = tiny_jobs(seeds=range(4))
    left = report_of(jobs, [(50.0, 200.0)] * 4).remaining
    assert left.seconds() == (200.0, 800.0)
    left.started(jobs[0])
    # 200 s for a run, twice the middle of the estimate
    left.progress(jobs[0], Progress(100, 200, seconds_per_step=0.6, evaluation_seconds_left=40, evaluation_seconds=80))
    low, high = left.seconds()
    assert (low, high) == (pytest.approx(600 / 1.1 + 90), pytest.approx(600 * 1.1 + 110))
    left.finished(jobs[0], outcome(50.0))
    low, high = left.seconds()
    assert (low, high) == (pytest.approx(150 / 1.1), pytest.approx(150 * 1.1))
    left.started(jobs[1])
    left.progress(jobs[1], Progress(150, 200, seconds_per_step=0.25))
    left.finished(jobs[1], outcome(37.5, "interrupted"))  # a quarter of it is left
    assert left.seconds()[0] == pytest.approx(112.5 / 1.1)


def test_the_remaining_time_of_several_workers_is_at_least_that_of_the_longest_run(tiny_jobs):
    jobs = tiny_jobs(seeds=range(2))
    left = report_of(jobs, [(100.0, 100.0), (1.0, 1.0)], workers=2).remaining
    for job in jobs:
        left.started(job)
    left.progress(jobs[0], Progress(1, 101, seconds_per_step=1.0))
    left.progress(jobs[1], Progress(1, 101, seconds_per_step=0.01))
    assert left.seconds() == (pytest.approx(90.0), pytest.approx(110.0))


def test_the_remaining_time_is_not_known_if_that_of_a_run_is_not(tiny_jobs):
    assert report_of(tiny_jobs(), [(0.0, 0.0)]).remaining.seconds() is None


def test_runs_are_sorted_by_their_estimated_time(tiny_jobs):
    jobs = tiny_jobs(seeds=range(4))
    seconds = {job.spec.run_id: value for job, value in zip(jobs, (3.0, 1.0, 0.0, 2.0), strict=True)}

    def estimate(todo) -> Estimate:
        return Estimate(ranges=[(seconds[job.spec.run_id],) * 2 for job in todo])

    for order, expected in (("planned", [3, 1, 0, 2]), ("shortest", [1, 2, 3, 0]), ("longest", [0, 3, 2, 1])):
        todo, expectation = list(jobs), estimate(jobs)
        sort_jobs(todo, expectation.ranges, order)
        assert expectation.ranges == estimate(todo).ranges
        assert expectation.seconds == [seconds[job.spec.run_id] for job in todo] == expected
