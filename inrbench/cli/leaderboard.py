"""``inrbench leaderboard``."""

from pathlib import Path

import click

from inrbench.cli.options import complete_names, results_option, words
from inrbench.console import say


@click.command("leaderboard")
@click.option("--tasks", shell_complete=complete_names("tasks"), help="Only these tasks, comma-separated.")
@click.option("--protocol", help="Only these protocols, by name or fingerprint, comma-separated.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["terminal", "markdown", "latex", "html", "csv", "json"]),
    default="terminal",
    show_default=True,
)
@click.option("--track", help="Only this track: paper, authors, tuned, tuned-20, or search (trials of inrbench tune).")
@click.option(
    "--details", is_flag=True, help="Also print the methods that none beats at their cost, and the time to 30, 35 and 40 dB."
)
@results_option
def command(tasks: str | None, protocol: str | None, style: str, track: str | None, details: bool, results: Path) -> None:
    """Print one leaderboard per task, protocol fingerprint and device class.

    Runs with different fingerprints never share a leaderboard. Exit code 4 if there is nothing to show.

    \b
    inrbench leaderboard
    inrbench leaderboard --tasks kodak --format markdown --results results/published
    """
    from inrbench import report
    from inrbench.analyse import leaderboards

    tables = leaderboards(results, words(tasks), words(protocol), curves=details, track=track)
    if style == "terminal":
        report.print_leaderboards(tables, details)
    elif style == "markdown":
        say(report.to_markdown(tables, details), block=True, end="")
    else:
        from inrbench.report.site import to_html

        say(
            {"latex": report.to_latex, "html": to_html, "csv": report.to_csv, "json": report.to_json}[style](tables),
            block=True,
            end="",
        )
