"""The picture that other sites show with a link to the site (Open Graph): the best methods of the table that answers."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from inrbench.analyse import Leaderboard
from inrbench.report import formatting
from inrbench.report.plots.style import line_styles, plot_style

SIZE_IN, DPI = (12.0, 6.3), 100
"""1200 x 630 pixels, the size that the common services ask for."""
MOST = 8
"""Largest number of methods in the picture."""


def write_preview(tables: Sequence[Leaderboard], path: Path) -> None:
    """Write the picture: the best methods of the table with the most signals; only the title if there is no table.

    Args:
        tables: The tables that answer, such as those of ``tiers.chosen_tables``.
        path: File to write, ``.png``.
    """
    with plot_style(), mpl.rc_context({"savefig.bbox": None}):
        figure = Figure(figsize=SIZE_IN)
        if tables:
            _draw(figure, max(tables, key=lambda leaderboard: (len(leaderboard.signals), len(leaderboard.rows))))
        figure.suptitle("inrbench: which implicit neural representation is better?", fontsize=24)
        figure.savefig(path, dpi=DPI)


def _draw(figure: Figure, leaderboard: Leaderboard) -> None:
    metric = leaderboard.metrics[0]
    rows = [row for row in leaderboard.rows if row.complete and metric.id in row.cells][:MOST]
    values = [row.cells[metric.id].mean for row in rows]
    styles = line_styles(row.label for row in rows)
    axes = figure.subplots()
    colours = [styles[row.label]["color"] for row in rows]
    if metric.scale == "log":  # the length of a bar has no meaning there
        axes.set_xscale("log")
        axes.scatter(values, range(len(rows)), s=200, c=colours)
    else:
        axes.barh(range(len(rows)), values, color=colours)
    axes.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=20)
    axes.invert_yaxis()
    for place, value in enumerate(values):
        axes.annotate(formatting.number(value, metric), (value, place), xytext=(12, 0), textcoords="offset points",
                      va="center", fontsize=18)  # fmt: skip
    axes.margins(x=0.12)
    axes.tick_params(axis="x", labelsize=14)
    group, count = leaderboard.group, formatting.counted(len(leaderboard.signals), "signal")
    what = f"{group.task}, protocol {group.protocol}, track {group.track}, {count}"
    axes.set_xlabel(f"{formatting.metric_title(metric, [metric])}: {what}", fontsize=16)
