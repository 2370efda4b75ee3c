"""``inrbench leaderboard``."""

import logging
from pathlib import Path

import click

from inrbench.cli.options import results_option, words
from inrbench.errors import NOTHING_COMPARED, unknown

log = logging.getLogger(__name__)


@click.command("leaderboard")
@click.option("--tasks", help="Only these tasks, comma-separated.")
@click.option("--protocol", help="Only these protocols, by name or fingerprint, comma-separated.")
@click.option("--format", "style", type=click.Choice(["terminal", "markdown", "csv"]), default="terminal", show_default=True)
@results_option
def command(tasks: str | None, protocol: str | None, style: str, results: Path) -> int:
    """Print one table for each task, protocol fingerprint and class of device.

    Runs of different fingerprints never share a table. Exit code 4 if there is nothing to show.

    \b
    inrbench leaderboard
    inrbench leaderboard --tasks kodak --format markdown --results results/published
    """
    from inrbench.analyse import leaderboards
    from inrbench.report import print_boards, to_csv, to_markdown

    boards, unreadable = leaderboards(results, words(tasks), words(protocol))
    for path, reason in unreadable.items():
        log.warning("skipped %s: %s", path, reason)
    if not boards:
        everything, _ = leaderboards(results)
        held = sorted({board.task for board in everything} | {board.protocol for board in everything})
        asked = [word for word in (*words(tasks), *words(protocol)) if word not in held]
        if held and asked:
            raise unknown("task or protocol in these results", asked[0], held)
        click.echo(
            f"inrbench: no results in '{results}' yet; make some: inrbench run --suite quick --results {results}", err=True
        )
        return NOTHING_COMPARED
    if style == "terminal":
        print_boards(boards)
    else:
        click.echo(to_markdown(boards) if style == "markdown" else to_csv(boards), nl=False)
    return 0
