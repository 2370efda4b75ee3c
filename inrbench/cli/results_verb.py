"""``inrbench results compact``."""

from pathlib import Path

import click

from inrbench.cli.options import results_option, words


@click.group("results")
def command() -> None:
    """The results folder."""


@command.command("compact")
@results_option
@click.option("--to", "target", type=click.Path(path_type=Path, file_okay=False), required=True,
              help="The folder of compacted files, for example results/published.")  # fmt: skip
@click.option("--tasks", help="Only these tasks, comma-separated.")
def compact_(results: Path, target: Path, tasks: str | None) -> None:
    """Merge the runs into one file a task and method, the same runs giving the same bytes: fit to be committed."""
    from inrbench.store import compact

    for path, n_runs in compact(results, target, words(tasks) or None).items():
        click.echo(f"{path}: {n_runs} runs, {path.stat().st_size:,} bytes")
