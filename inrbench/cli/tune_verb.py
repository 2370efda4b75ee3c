"""``inrbench tune``."""

from pathlib import Path

import click

from inrbench.cli.options import parse_seeds, plugin_option, results_option, words
from inrbench.errors import OK, InrbenchError
from inrbench.session import INTERRUPTED, perform


@click.command("tune")
@click.option("--methods", required=True, help="Methods, comma-separated, without parameters.")
@click.option("--tasks", required=True, help="Tasks that the methods are tuned for, comma-separated.")
@click.option("--protocol", default="quick", show_default=True, help="The protocol of the trials, and of what they are for.")
@click.option("--budget", type=click.IntRange(min=2), default=20, show_default=True, help="Trials a method, the usual too.")
@click.option("--seeds", default="1", show_default=True, help="As for run.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:i.")
@click.option("--jobs", type=click.IntRange(min=1), help="As for run.")
@click.option("--dry-run", is_flag=True, help="Print the plan and the estimate, and stop.")
@plugin_option
@results_option
def command(
    methods: str, tasks: str, protocol: str, budget: int, seeds: str, device: str, jobs: int | None, dry_run: bool,
    plugins: tuple[Path, ...], results: Path,
) -> int:  # fmt: skip
    """Search learning rate and parameters of each method with an equal budget, on signals that no test uses.

    What is chosen goes to RESULTS/tuned, and is used by inrbench run --track tuned. The same command again does only what is
    missing.

    \b
    inrbench tune --methods msa,siren,wire --tasks kodak --budget 20
    inrbench run --methods msa,siren,wire --tasks kodak --protocol quick --track tuned
    """
    from inrbench.execute import resolve_device
    from inrbench.execute.tune import choose, make_search, write_recipe
    from inrbench.registry import Registry

    registry = Registry(plugins)
    place = resolve_device(device)
    searches = []
    for task in (registry.task(name) for name in words(tasks)):
        tuning_task = registry.task(task.tuning[0]) if task.tuning else task
        for name in words(methods):
            searches.append(make_search(registry.method(name), task, tuning_task, protocol, budget, parse_seeds(seeds), place))
    requests = [request for search in searches for request in search.requests()]
    code = perform(requests, results, jobs=jobs, artifacts="none", dry_run=dry_run)
    if dry_run or code == INTERRUPTED:
        return code
    code = OK  # a trial that fails is a trial that loses
    for search in searches:
        try:
            chosen = choose(search, results)
        except InrbenchError as error:
            click.echo(f"inrbench: {error}", err=True)
            code = error.exit_code
            continue
        path = write_recipe(results, search, chosen)
        what = {**chosen.recipe.params, **chosen.recipe.training} or "as usual"
        click.echo(f"{search.method.name} on {search.task.name}: {what}, best of {chosen.finished} trials; wrote {path}")
    return code
