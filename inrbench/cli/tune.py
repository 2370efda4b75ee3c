"""``inrbench tune``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inrbench.cli.options import parse_seeds, plugin_option, results_option, words
from inrbench.console import say
from inrbench.errors import OK, BadValue, InrbenchError
from inrbench.spec import MethodLabel

if TYPE_CHECKING:
    from inrbench.planning.tuning import Search


@click.command("tune")
@click.option("--methods", required=True, help="Methods, comma-separated, without parameters; a file './my_act.py' too.")
@click.option("--tasks", required=True, help="Tasks that the methods are tuned for, comma-separated.")
@click.option("--protocol", default="quick", show_default=True, help="The protocol of the trials, and of what they are for.")
@click.option(
    "--budget",
    type=click.IntRange(min=2),
    default=20,
    show_default=True,
    help="Whole runs for each method, signal and seed; successive halving makes more trials of them.",
)
@click.option("--seeds", default="1", show_default=True, help="As for run.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:i.")
@click.option("--jobs", type=click.IntRange(min=1), help="As for run.")
@click.option("--dry-run", is_flag=True, help="Print the plan and the estimate of the first round, and stop.")
@plugin_option
@results_option
def command(
    methods: str,
    tasks: str,
    protocol: str,
    budget: int,
    seeds: str,
    device: str,
    jobs: int | None,
    dry_run: bool,
    plugins: tuple[Path, ...],
    results: Path,
) -> int:
    """Search learning rate and parameters of each method with an equal budget, on signals that no test uses.

    All trials begin with a quarter of the epochs, the better half goes on to a half of them, and the better half of those to
    all. What is chosen goes to RESULTS/tuned, and is used by inrbench run --track tuned. The same command again does only what
    is missing. See the trials: inrbench leaderboard --track search.

    \b
    inrbench tune --methods msa,siren,wire --tasks kodak --budget 20
    inrbench tune --methods ./my_act.py,siren --tasks photo --budget 8
    inrbench run --methods msa,siren,wire --tasks kodak --protocol quick --track tuned
    """
    from inrbench.planning import RunOptions
    from inrbench.runner import EXIT_INTERRUPTED, run_requests

    searches = _searches(methods, words(tasks), protocol, budget, parse_seeds(seeds), device, plugins)
    standing = {number: list(range(search.rounds[0])) for number, search in enumerate(searches)}
    code = OK  # a trial that fails is a trial that loses
    for round_number in range(len(searches[0].rounds)):
        requests = [
            request for number, search in enumerate(searches) for request in search.requests(round_number, standing[number])
        ]
        report = run_requests(requests, RunOptions(results=results, jobs=jobs, artifacts="none", dry_run=dry_run))
        if dry_run or report.exit_code == EXIT_INTERRUPTED:
            return report.exit_code
        runs = iter(report.run_ids)
        for number, search in enumerate(searches):
            runs_of_trials = {trial: next(runs) for trial in standing[number]}
            standing[number], failed = _end_round(search, round_number, runs_of_trials, results)
            code = failed or code
    return code


def _searches(
    methods: str, tasks: Sequence[str], protocol: str, budget: int, seeds: Sequence[int], device: str, plugins: Sequence[Path]
) -> "list[Search]":
    """Return a search for each task and method. Raises BadValue for methods with parameters, UnknownName, BrokenPlugin."""
    from inrbench.planning import resolve_device
    from inrbench.planning.plan import select_methods
    from inrbench.planning.tuning import make_search
    from inrbench.registry import Registry, parse_selection

    chosen, notes = select_methods(methods, plugins)
    for note in notes:
        say(f"note: {note}")
    if given := [label for label, _, params in chosen if params]:
        raise BadValue(
            f"--methods {methods}: tune chooses the parameters itself; write {MethodLabel.parse(given[0]).method} alone"
        )
    files = [*plugins, *(Path(selection.name) for selection in parse_selection(methods) if selection.is_file)]
    registry, place = Registry(files), resolve_device(device)
    searches = []
    for task in map(registry.task, tasks):
        tuning_task = registry.task(task.tuning_split[0]) if task.tuning_split else task
        searches += [make_search(m, task, tuning_task, protocol, budget, seeds, place, registry.files) for _, m, _ in chosen]
    if not searches:
        raise BadValue("nothing to tune: name methods and tasks")
    return searches


def _end_round(
    search: "Search", round_number: int, runs_of_trials: Mapping[int, Sequence[str]], results: Path
) -> tuple[list[int], int]:
    """Print the scores of a round's trials; return the trials of the next round, and an exit code."""
    from inrbench.planning.tuning import EPOCH_DIVISORS, choose, describe_trial, promote, rank_trials, write_recipe

    judged = rank_trials(search, runs_of_trials, results)
    share = "all" if EPOCH_DIVISORS[round_number] == 1 else f"1/{EPOCH_DIVISORS[round_number]} of the"
    what = f"{search.method.name} on {search.task.name}"
    say(
        f"{what}, round {round_number + 1} of {len(EPOCH_DIVISORS)}, {share} epochs, by {search.task.tuning_metric}:", bold=True
    )
    for trial in judged:
        say(f"  trial {trial.number:3}  {trial.shown}  ({describe_trial(search.trials[trial.number])})")
    if round_number + 1 < len(EPOCH_DIVISORS):
        return promote(search, round_number, judged), OK
    try:
        chosen = choose(search, judged)
    except InrbenchError as error:
        say(f"inrbench: {error}", err=True)
        return [], error.exit_code
    path = write_recipe(results, search, chosen)
    say(f"{what}: {describe_trial(chosen.recipe)}, best of {len(search.trials)} trials; wrote {path}")
    return [], OK
