"""``inrbench plot``."""

from collections.abc import Sequence
from pathlib import Path

import click

from inrbench.cli.options import results_and_artifacts_option, words, writing_to
from inrbench.console import say
from inrbench.errors import BadValue

FORMATS = (".png", ".pdf", ".svg")


@click.command("plot")
@click.argument("kind")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write; its name ends with .png, .pdf or .svg.",
)
@click.option("--tasks", help="The task; for critical-difference also several, comma-separated.")
@click.option("--protocol", help="The protocol, by name or fingerprint.")
@click.option("--track", help="The track: paper, authors, tuned, tuned-20 or search.")
@click.option(
    "--methods", help="Only these methods or rows (msa[s_max=3.0]), comma-separated; use semicolons if a row contains commas."
)
@click.option("--signals", help="Only these signals, comma-separated.")
@click.option("--param", help="For sweep: the parameter on the x axis.")
@results_and_artifacts_option
def command(
    kind: str,
    output: Path,
    tasks: str | None,
    protocol: str | None,
    track: str | None,
    methods: str | None,
    signals: str | None,
    param: str | None,
    results: Path,
) -> None:
    """Draw a figure of the results, one column of a paper wide.

    Runs that cannot share a leaderboard cannot share a figure. KIND is one of:

    \b
    curves        the primary metric against steps
    pareto        the primary metric against training time, parameters and memory
    sweep         the final primary metric against a parameter: --param s_max
    per-signal    the primary metric of every method on every signal
    gallery       the stored pictures of runs, side by side
    critical-difference   mean ranks over the signals of a task, or over several tasks, and which are not distinguishable
    sensitivity   scores of a search's trials with a setting that is off by two or four: --track tuned
    gradients, activations, ntk, spectrum   readings of a probe: inrbench run --probe gradients

    \b
    inrbench plot curves --tasks photo -o curves.pdf
    inrbench plot ntk --tasks function1d --protocol paper --results results/published -o ntk.png
    """
    if output.suffix not in FORMATS:
        raise BadValue(f"-o {output}: the name must end with one of {', '.join(FORMATS)}")
    labels = words(methods, ";" if ";" in (methods or "") else ",")
    say(f"wrote {draw(kind, output, results, words(tasks), words(protocol), labels, words(signals), param, track)}")


def draw(
    kind: str,
    output: Path,
    results: Path,
    tasks: Sequence[str],
    protocols: Sequence[str],
    labels: Sequence[str],
    signals: Sequence[str],
    over: str | None = None,
    track: str | None = None,
) -> Path:
    """Draw a figure of the selected runs, write it to a file, and return the file.

    Args:
        kind: The kind of figure, for example ``curves``.
        output: The file; its suffix gives the format.
        results: The results folder.
        tasks: Only these tasks; all if empty.
        protocols: Only these protocols, by name or fingerprint; all if empty.
        labels: Only these methods or rows; all if empty.
        signals: Only these signals; all if empty.
        over: The parameter on the x axis of a sweep; None for other kinds.
        track: Only this track; None for all but ``search``.
    """
    from inrbench.analyse import TABLE_COLUMNS, comparable_runs
    from inrbench.report import plots
    from inrbench.report.plots.draw import figure_of

    groups = comparable_runs(results, (*TABLE_COLUMNS, "curve", "probes", "artifacts"), tasks, protocols, track)
    with plots.plot_style():
        figure = figure_of(kind, groups, results, labels, signals, over)
        with writing_to(output):
            figure.savefig(output)
    return output
