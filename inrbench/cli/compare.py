"""``inrbench compare``."""

from pathlib import Path

import click

from inrbench.cli.options import results_option, words
from inrbench.console import say


@click.command("compare")
@click.argument("methods", nargs=-1, required=True, metavar="METHOD OTHER...")
@click.option("--tasks", help="Only these tasks, comma-separated.")
@click.option("--protocol", help="Only these protocols, by name or fingerprint, comma-separated.")
@click.option("--track", help="Only this track: paper, authors, tuned, tuned-20, or search (trials of inrbench tune).")
@click.option("--format", "style", type=click.Choice(["plain", "markdown", "json"]), default="plain", show_default=True)
@results_option
def command(
    methods: tuple[str, ...], tasks: str | None, protocol: str | None, track: str | None, style: str, results: Path
) -> None:
    """Compare a method with others, signal by signal, with confidence intervals and significance tests.

    Exit code 4 if no leaderboard has all of them, or if they share no signal.

    \b
    inrbench compare msa siren --tasks kodak --track tuned
    inrbench compare my_act siren finer 'msa[s_max=3.0]'
    """
    from inrbench.analyse import comparable_runs
    from inrbench.analyse.compare import COLUMNS, compare
    from inrbench.errors import BadValue, NothingFound, unknown_name
    from inrbench.report.comparison import comparison_text

    label, *others = dict.fromkeys(methods)
    if not others:
        raise BadValue("compare needs two different methods: inrbench compare msa siren")
    groups = comparable_runs(results, COLUMNS, words(tasks), words(protocol), track)
    labels = {name for group in groups for name in group.runs["label"]}
    for name in (label, *others):
        if name not in labels:
            raise unknown_name(f"method in '{results}'", name, labels)
    shared = [group for group in groups if {label, *others} <= set(group.runs["label"])]
    if not shared:
        raise NothingFound(f"no table of '{results}' contains both {' and '.join((label, *others))}")
    say(comparison_text([(group, compare(group, label, others)) for group in shared], style), block=True, end="")
