"""Mean ranks, with bars over methods that do not differ significantly, as in Demsar, JMLR 7, 2006."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from inrbench.analyse import ComparableRuns, metrics_of, scores_by_signal
from inrbench.analyse.statistics import mean_ranks
from inrbench.errors import BadValue, NothingFound
from inrbench.report import formatting
from inrbench.report.plots.style import COLUMN_WIDTH_IN, marker_styles


def critical_difference_diagram(group: ComparableRuns) -> Figure:
    """Draw the mean ranks of the methods over signals, by the primary metric.

    A bar joins methods that do not differ significantly by the tests of the table. Only methods that trained on every signal
    are included. Raises NothingFound for fewer than three methods or fewer than six signals.
    """
    scores = _losses(group).dropna(axis="columns")
    return _diagram(scores, "signals", formatting.title(group))


def critical_difference_over_tasks(groups: Sequence[ComparableRuns]) -> Figure:
    """Draw the mean ranks over tasks of the methods that are in all tables, by the primary metric of each task.

    There must be one table per task. Raises BadValue for two tables of one task, and NothingFound for fewer than three common
    methods or fewer than six tasks.
    """
    tasks = [group.task for group in groups]
    if len(set(tasks)) < len(tasks):
        titles = ", ".join(map(formatting.title, groups))
        raise BadValue(f"ranks over tasks need exactly one table per task; choose one with --protocol. Found: {titles}")
    means = {group.task: _losses(group).mean() for group in groups}
    return _diagram(pd.DataFrame(means).T.dropna(axis="columns"), "tasks", ", ".join(tasks))


def _losses(group: ComparableRuns) -> pd.DataFrame:
    """Return the primary metric per signal and method, with its sign changed if higher is better."""
    metrics = metrics_of(group.runs)
    if not metrics:
        return pd.DataFrame()
    return scores_by_signal(group, metrics[0]) * (-1 if metrics[0].higher_is_better else 1)


def _diagram(losses: pd.DataFrame, blocks: str, title: str) -> Figure:
    try:
        result = mean_ranks({str(label): losses[label].to_numpy() for label in losses})
    except ValueError as error:
        raise NothingFound(f"{title}: {error}") from error
    order = sorted(result.ranks.items(), key=lambda item: item[1])
    figure = Figure(figsize=(COLUMN_WIDTH_IN, 0.9 + 0.18 * len(order)))
    axes = figure.subplots()
    style = marker_styles(label for label, _ in order)
    for row, (label, rank) in enumerate(order):
        axes.plot([rank, rank], [0, -1 - row], color="#999999", linewidth=0.6)
        axes.plot(rank, -1 - row, **style[label])
        axes.annotate(f"{label}  {rank:.2f}", (rank, -1 - row), xytext=(6, 0), textcoords="offset points", va="center")
    for height, names in enumerate(result.groups, start=1):
        ends = [result.ranks[names[0]] - 0.03, result.ranks[names[-1]] + 0.03]
        axes.plot(ends, [0.45 * height] * 2, color="black", linewidth=2.5)
    axes.set(xlim=(0.8, len(order) + 0.9), ylim=(-len(order) - 0.6, 0.45 * len(result.groups) + 0.4), yticks=[])
    axes.set(xlabel="mean rank (1 is best)")
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False)
    tested = f"{result.blocks} {blocks}; bars: no significant difference in signed-rank tests (Holm); Friedman p {result.p:.1g}"
    figure.suptitle(f"{title}\n{tested}", fontsize=6, color="#555555")
    return figure
