"""The runner for the command line and Python: the same options, the same report, and an observer instead of printing."""

import inspect
import math
from dataclasses import fields

import pytest

import inrbench
from inrbench.cli.run import command
from inrbench.errors import BadValue
from inrbench.planning import RunOptions
from inrbench.runner import QuietObserver, run
from inrbench.runner.console import _ProgressLines
from inrbench.runner.runner import sort_jobs

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


def test_without_a_terminal_a_line_per_minute_reports_a_run(tiny_jobs):
    (job,) = tiny_jobs()
    lines = _ProgressLines()
    lines.start(job, 0.0)
    assert lines.line(job, 0.0, math.nan, 59.0) is None
    assert lines.line(job, 0.0, math.nan, 60.0) == f"running  {job.spec.title}: 0% of the steps"
    assert lines.line(job, 0.5, math.nan, 70.0) is None  # the run continues from a checkpoint
    assert lines.line(job, 0.75, 0.125, 121.0) == (
        f"running  {job.spec.title}: 75% of the steps, mse@train 0.125, about 51 s left"
    )
    assert lines.line(job, 0.8, 0.1, 122.0) is None


def test_runs_are_sorted_by_their_estimated_time(tiny_jobs):
    jobs = tiny_jobs(seeds=range(4))
    seconds = {job.spec.run_id: value for job, value in zip(jobs, (3.0, 1.0, 0.0, 2.0), strict=True)}
    for order, expected in (("planned", [3, 1, 0, 2]), ("shortest", [1, 2, 3, 0]), ("longest", [0, 3, 2, 1])):
        todo, times = list(jobs), [seconds[job.spec.run_id] for job in jobs]
        sort_jobs(todo, times, order)
        assert times == expected
        assert [seconds[job.spec.run_id] for job in todo] == expected
