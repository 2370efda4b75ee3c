"""``inrbench leaderboard``."""

from pathlib import Path

import click

from inrbench.cli.options import complete_names, results_option, words
from inrbench.console import say
from inrbench.errors import BadValue


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
    "--details",
    is_flag=True,
    help="Also print the methods that none beats at their cost, the ranges of a search, and the time to 30, 35 and 40 dB.",
)
@click.option(
    "--overall",
    "combined",
    is_flag=True,
    help="Print one table over all tasks instead: win rates, mean ranks and distances to the best, with intervals.",
)
@click.option("--columns", help="Only these columns, comma-separated: psnr,train,params. The method is always the first.")
@click.option("--wide", is_flag=True, help="All columns, even if they do not fit in the terminal or on a page (latex).")
@results_option
def command(
    tasks: str | None,
    protocol: str | None,
    style: str,
    track: str | None,
    details: bool,
    combined: bool,
    columns: str | None,
    wide: bool,
    results: Path,
) -> None:
    """Print one leaderboard per task, protocol fingerprint and device class.

    Runs with different fingerprints never share a leaderboard. Exit code 4 if there is nothing to show.

    \b
    inrbench leaderboard
    inrbench leaderboard --tasks kodak --format markdown --results results/published
    inrbench leaderboard --tasks kodak --columns psnr,to-best,train
    inrbench leaderboard --overall --protocol standard --track paper
    """
    from inrbench import report
    from inrbench.analyse import leaderboards
    from inrbench.report.columns import check_columns

    if combined:
        _print_overall(results, tasks, protocol, track, style)
        return
    tables = leaderboards(results, words(tasks), words(protocol), curves=details, track=track)
    chosen = words(columns)
    check_columns(tables, chosen)
    if style == "terminal":
        report.print_leaderboards(tables, details, columns=chosen, wide=wide)
    elif style == "markdown":
        say(report.to_markdown(tables, details, chosen), block=True, end="")
    elif style == "latex":
        say(report.to_latex(tables, chosen, wide), block=True, end="")
    else:
        from inrbench.report.site import to_html

        if chosen:
            raise BadValue(f"--columns with --format {style}: this format always has all columns")
        say({"html": to_html, "csv": report.to_csv, "json": report.to_json}[style](tables), block=True, end="")


def _print_overall(results: Path, tasks: str | None, protocol: str | None, track: str | None, style: str) -> None:
    """Print the overall tables. Raises BadValue for a format that they do not have, or for runs that are not alike."""
    from inrbench.analyse import comparable_runs
    from inrbench.analyse.overall import overall
    from inrbench.report.overall import overall_text

    formats = {"terminal": "simple", "markdown": "pipe"}
    if style not in formats:
        raise BadValue(f"--overall --format {style}: the formats are {', '.join(formats)}")
    groups = comparable_runs(results, ("metrics",), words(tasks), words(protocol), track)
    tracks = sorted({group.track for group in groups})
    if len(tracks) > 1:
        raise BadValue(f"--overall: these runs are of several tracks, {', '.join(tracks)}; choose one with --track")
    kinds = sorted({f"{group.device_class}, {group.engine} engine" for group in groups})
    if len(kinds) > 1:
        raise BadValue(f"--overall: these runs are of {'; '.join(kinds)}; keep such runs in folders of their own")
    protocols: dict[str, list[str]] = {}
    for group in groups:
        protocols.setdefault(group.task, []).append(f"{group.protocol} ({group.fingerprint})")
    for task, names in protocols.items():
        if len(names) > 1:
            raise BadValue(
                f"--overall: {task} has runs under {', '.join(names)}; choose one with --protocol, by name or fingerprint"
            )
    say(overall_text(overall(groups), formats[style]), block=True, end="")
