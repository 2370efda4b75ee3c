"""``inrbench tune``."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inrbench.cli.options import parse_seeds, plugin_option, results_option, words
from inrbench.console import say
from inrbench.errors import OK, BadValue, InrbenchError
from inrbench.spec import MethodLabel

if TYPE_CHECKING:
    from inrbench.planning.tuning import Search, Trial

FEW_EPOCHS = 8
"""Number of epochs below which a schedule has hardly any course."""


@click.command("tune")
@click.option("--methods", required=True, help="Methods, comma-separated, without parameters; a file './my_act.py'; or 'all'.")
@click.option("--tasks", required=True, help="Tasks to tune the methods for, comma-separated; or 'all'.")
@click.option("--protocol", default="quick", show_default=True, help="The protocol of the trials and of the tuned runs.")
@click.option(
    "--budget",
    type=click.IntRange(min=2),
    default=20,
    show_default=True,
    help="About as many full runs as a search may cost per method, tuning signal and seed: 4 gives 21 trials, 8 gives 42.",
)
@click.option("--seeds", default="1", show_default=True, help="Seeds, as in inrbench run.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:i.")
@click.option("--jobs", type=click.IntRange(min=1), help="Runs at a time, as in inrbench run.")
@click.option("--retry-failed", is_flag=True, help="Also repeat trials that failed earlier; they are ranked last.")
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
    retry_failed: bool,
    dry_run: bool,
    plugins: tuple[Path, ...],
    results: Path,
) -> int:
    """Tune each method with an equal budget, on signals that no test uses.

    The learning rate and the parameters of the method are searched. All trials train for a sixteenth of the epochs, the best
    quarter then for a quarter of the epochs, and the best quarter of those for all epochs. The best recipe is written to
    RESULTS/tuned and used by inrbench run --track tuned. Trials that are already stored are not repeated. To see the trials:
    inrbench leaderboard --track search.

    \b
    inrbench tune --methods ./my_act.py --tasks kodak --protocol standard --budget 4   # as the published methods were tuned
    inrbench tune --methods ./my_act.py,siren --tasks photo --budget 8
    inrbench run --methods ./my_act.py,siren --tasks photo --protocol quick --track tuned
    """
    from inrbench.planning import RunOptions
    from inrbench.planning.tuning import promote, rank_trials
    from inrbench.runner import EXIT_INTERRUPTED, run_requests

    searches = _searches(methods, words(tasks), protocol, budget, parse_seeds(seeds), device, plugins)
    remaining = {number: list(range(search.rounds[0])) for number, search in enumerate(searches)}
    first_rounds: dict[int, list[Trial]] = {}
    code = OK  # a failed trial is ranked last and is not an error of the command
    for round_number in range(len(searches[0].rounds)):
        requests = [
            replace(request, retry_failed=retry_failed)
            for number, search in enumerate(searches)
            for request in search.requests(round_number, remaining[number])
        ]
        report = run_requests(requests, RunOptions(results=results, jobs=jobs, artifacts="none", dry_run=dry_run))
        if dry_run or report.exit_code == EXIT_INTERRUPTED:
            return report.exit_code
        runs = iter(report.run_ids)
        for number, search in enumerate(searches):
            runs_of_trials = {trial: next(runs) for trial in remaining[number]}
            ranked = rank_trials(search, runs_of_trials, results)
            _say_round(search, round_number, ranked)
            first_rounds.setdefault(number, ranked)
            if round_number + 1 < len(search.rounds):
                remaining[number] = promote(search, round_number, ranked)
            else:
                code = _end_search(search, first_rounds[number], ranked, results) or code
    return code


def _searches(
    methods: str, tasks: Sequence[str], protocol: str, budget: int, seeds: Sequence[int], device: str, plugins: Sequence[Path]
) -> "list[Search]":
    """Return one search per task and method. Raises BadValue for methods with parameters, UnknownName or BrokenPlugin."""
    from inrbench.planning import resolve_device
    from inrbench.planning.plan import plugin_files_of, select_methods
    from inrbench.planning.tuning import EPOCH_DIVISORS, make_search
    from inrbench.registry import Registry

    chosen, notes = select_methods(methods, plugins)
    for note in notes:
        say(f"note: {note}")
    if given := [label for label, _, params in chosen if params]:
        raise BadValue(
            f"--methods {methods}: tune chooses the parameters itself; write {MethodLabel.parse(given[0]).method} alone"
        )
    if solved := [method.name for _, method, _ in chosen if method.closed_form]:
        say(f"note: {', '.join(solved)}: solved in closed form, there is nothing to tune")
    registry, place = Registry(plugin_files_of(methods, plugins)), resolve_device(device)
    tunable = [name for name in registry.tasks if registry.task(name).tuning_split]
    searches = []
    for task in map(registry.task, tunable if list(tasks) == ["all"] else tasks):
        tuning_task = registry.task(task.tuning_split[0]) if task.tuning_split else task
        searches += [
            make_search(method, task, tuning_task, protocol, budget, seeds, place, registry.files)
            for _, method, _ in chosen
            if not method.closed_form and (methods != "all" or method.supports(task.kind))
        ]
    if not searches:
        raise BadValue("nothing to tune: name methods and tasks")
    for name, base in {search.task.name: search.base for search in searches}.items():
        if (first := int(base.shortening(EPOCH_DIVISORS[0])["epochs"])) < FEW_EPOCHS:
            say(
                f"note: {name}, protocol {protocol}: {base.epochs} epochs, of which the first round has {first}. The learning "
                "rate changes once per epoch, so it hardly falls there"
            )
    return searches


def _say_round(search: "Search", round_number: int, ranked: "Sequence[Trial]") -> None:
    """Print the scores of a round's trials."""
    from inrbench.planning.tuning import EPOCH_DIVISORS, describe_trial

    share = "all" if EPOCH_DIVISORS[round_number] == 1 else f"1/{EPOCH_DIVISORS[round_number]} of the"
    what = f"{search.method.name} on {search.task.name}"
    say(f"{what}, round {round_number + 1} of {len(EPOCH_DIVISORS)}, {share} epochs, by {search.metric}:", bold=True)
    for trial in ranked:
        say(f"  trial {trial.number:3}  {trial.shown}  ({describe_trial(search.trials[trial.number])})")


def _end_search(search: "Search", first_round: "Sequence[Trial]", last_round: "Sequence[Trial]", results: Path) -> int:
    """Write the best recipe and print it; return an exit code."""
    from inrbench.planning.recipes import write_recipe
    from inrbench.planning.sensitivity import sensitivities
    from inrbench.planning.tuning import choose, describe_trial

    try:
        chosen = choose(search, last_round)
    except InrbenchError as error:
        say(f"inrbench: {error}", err=True)
        return error.exit_code
    falls = sensitivities(search, first_round, chosen.recipe)
    path = write_recipe(results, search, chosen, falls)
    what = f"{search.method.name} on {search.task.name}"
    say(f"{what}: {describe_trial(chosen.recipe)}, best of {len(search.trials)} trials; wrote {path}")
    for fall in falls:
        say(f"  off by a factor in round 1: {fall}")
    return OK
