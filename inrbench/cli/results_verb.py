"""``inrbench results``: list, compact."""

from pathlib import Path

import click

from inrbench.cli.options import results_option, words


@click.group("results")
def command() -> None:
    """The results folder."""


@command.command("list")
@click.option("--tasks", help="Only these tasks, comma-separated.")
@results_option
def list_(tasks: str | None, results: Path) -> None:
    """Print one line a run: the beginning of its id, how it ended, what it was, and its primary metric."""
    from inrbench.analyse import comparable_runs, measured

    for group in comparable_runs(results, ("run_id", "status", "metrics", "primary_metric"), words(tasks)):
        click.secho(f"{group.task}, protocol {group.protocol} ({group.fingerprint}), track {group.track}", bold=True)
        for run in group.runs.sort_values(["label", "signal", "seed"]).itertuples(index=False):
            value = measured(run.metrics, run.primary_metric)
            number = "" if value is None else f"  {run.primary_metric} {value:.5g}"
            click.echo(f"  {run.run_id[:10]}  {run.status:8} {run.signal} {run.label} seed {run.seed}{number}")


@command.command("compact")
@results_option
@click.option("--to", "target", type=click.Path(path_type=Path, file_okay=False), required=True,
              help="The folder of compacted files, for example results/published.")  # fmt: skip
@click.option("--tasks", help="Only these tasks, comma-separated.")
@click.option("--artifacts", is_flag=True, help="Copy what the runs left to look at, and their weights.")
def compact_(results: Path, target: Path, tasks: str | None, artifacts: bool) -> None:
    """Merge the runs into one file a task and method, the same runs giving the same bytes: fit to be committed."""
    from inrbench.store import compact

    for path, n_runs in compact(results, target, words(tasks) or None, artifacts).items():
        click.echo(f"{path}: {n_runs} runs, {path.stat().st_size:,} bytes")
