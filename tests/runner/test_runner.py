"""The runner for the command line and Python: the same options, the same report, and an observer instead of printing."""

import inspect
from dataclasses import fields

import pytest

import inrbench
from inrbench.cli.run import command
from inrbench.errors import BadValue
from inrbench.planning import RunOptions
from inrbench.runner import QuietObserver, run

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
