"""``inrbench check-plugin``."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inrbench.cli.options import complete_names, words
from inrbench.console import say
from inrbench.errors import CHECK_FAILED, OK, BadValue

if TYPE_CHECKING:
    from inrbench.plugin_checks import CheckResult
    from inrbench.plugin_checks.base import OnResult
    from inrbench.registry import Registry

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
TRIALS = (("function1d", "multiscale"), ("photo", "astronaut"))
"""Task and signal of each trial: a function and an image. Each takes seconds."""


@click.command("check-plugin")
@click.argument("plugin", shell_complete=complete_names("both"))
@click.option(
    "--trial/--no-trial",
    default=True,
    show_default=True,
    help="Also fit a function and an image, and compare with the baselines; takes about a minute.",
)
@click.option("--baselines", default="siren,finer,relu", show_default=True, help="Methods to compare with, comma-separated.")
@click.option(
    "--compile/--no-compile", "compiled", default=True, show_default=True, help="Also try to compile the training step."
)
def command(plugin: str, trial: bool, baselines: str, compiled: bool) -> int:
    """Check a plugin, with advice, and try it for about a minute.

    PLUGIN is a plugin file, or the name of a method or task. Only methods are tried.

    \b
    inrbench check-plugin ./my_act.py
    inrbench check-plugin './my_act.py[omega=10]' --no-trial
    inrbench check-plugin siren

    The runs of the baselines are cached, so that only your method is fitted again. Exit code 3 if a check fails.
    """
    from inrbench.planning.plan import select_methods
    from inrbench.plugin_checks import check_method, check_task
    from inrbench.registry import Registry, parse_selection

    selections = parse_selection(plugin)
    if len({selection.name for selection in selections}) != 1:
        raise BadValue(f"inrbench check-plugin checks one plugin at a time, got '{plugin}'")
    selection = selections[0]
    file = (Path(selection.name).resolve(),) if selection.is_file else ()
    registry = Registry(file)
    tasks = _tasks(registry, selection.name, selection.is_file)
    failed = False
    for name in tasks:
        failed |= _report(f"task {name}", partial(check_task, registry.task(name)))
    if tasks and (not selection.is_file or not any(d.source.path in file and not d.broken for d in registry.methods.values())):
        return CHECK_FAILED if failed else OK
    for label, method, given in select_methods(plugin, file)[0]:
        params = {**method.defaults(), **given}
        failed |= _report(f"method {label}", partial(check_method, method, params, compiled))
    if failed:
        say("Fix the failed checks first; no trial was run.")
        return CHECK_FAILED
    return _try(plugin, baselines) if trial else OK


def _tasks(registry: "Registry", name: str, is_file: bool) -> list[str]:
    """Return the names of the tasks in a file, or of the task with this name."""
    if not is_file:
        return [name] if name in registry.tasks else []
    return [d.name for d in registry.tasks.values() if not d.broken and d.source.path == Path(name).resolve()]


def _report(subject: str, check: "Callable[[OnResult], list[CheckResult]]") -> bool:
    """Print the result of each check as soon as it is known; return whether a check failed."""
    say(subject, bold=True)

    def on_result(result: "CheckResult") -> None:
        say(f"  {result.state:4}", end="", fg=COLOURS[result.state])
        say(f"  {result.check:17} {result.message}")
        if result.advice and result.state != "ok":
            say(f"        {'':17} {result.advice}")

    verdicts = check(on_result)
    counts = {state: sum(result.state == state for result in verdicts) for state in COLOURS}
    say(f"  {counts['ok']} ok, {counts['warn']} warnings, {counts['fail']} failed.")
    return counts["fail"] > 0


def _try(plugin: str, baselines: str) -> int:
    """Fit the method and the baselines on TRIALS, print the leaderboards, and return the exit code."""
    from inrbench import report
    from inrbench.analyse import TABLE_COLUMNS, build_leaderboard, comparable_runs
    from inrbench.data import cache_folder
    from inrbench.planning import Request, RunOptions
    from inrbench.runner import run_requests

    results = cache_folder().parent / "trials"
    methods = ",".join([plugin, *words(baselines)])
    requests = [
        Request(methods=methods, tasks=task, protocol="quick", signals=signal, device="cpu", retry_failed=True)
        for task, signal in TRIALS
    ]
    say("trial", bold=True)
    ran = run_requests(requests, RunOptions(results=results, artifacts="none"))
    labels = {job.spec.label for job in ran.plan.jobs}
    groups = comparable_runs(results, TABLE_COLUMNS, [task for task, _ in TRIALS], ("quick",))
    shown = [replace(group, runs=group.runs[group.runs["label"].isin(labels)]) for group in groups]
    leaderboards = [build_leaderboard(group) for group in shown if len(group.runs)]
    for leaderboard in leaderboards:
        leaderboard.worker_layout = None
        leaderboard.notes.append("times are not shown: the baselines may have run on a different day; see: inrbench profile")
    report.print_leaderboards(leaderboards)
    return ran.exit_code
