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
    everything = boards if not (tasks or protocol) else leaderboards(results)[0]
    for kind, asked, held in (
        ("task", words(tasks), {board.task for board in everything}),
        ("protocol", words(protocol), {name for board in everything for name in (board.protocol, board.fingerprint)}),
    ):
        for word in asked if everything else ():
            if word not in held:
                raise unknown(f"{kind} in '{results}'", word, held)
    if everything and not boards:
        click.echo(f"inrbench: '{results}' has runs of these tasks and of these protocols, but none of both", err=True)
        return NOTHING_COMPARED
    if not boards:
        click.echo(
            f"inrbench: no results in '{results}' yet; make some: inrbench run --suite quick --results {results}", err=True
        )
        return NOTHING_COMPARED
    if style == "terminal":
        print_boards(boards)
    else:
        click.echo(to_markdown(boards) if style == "markdown" else to_csv(boards), nl=False)
    return 0
