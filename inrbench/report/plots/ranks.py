"""Mean ranks with a critical difference, as in Demsar, JMLR 7, 2006."""

import numpy as np
from matplotlib.figure import Figure

from inrbench.analyse import Group, metrics_of
from inrbench.analyse.compare import scores_by_signal
from inrbench.analyse.statistics import critical_difference
from inrbench.errors import NothingFound
from inrbench.report import words
from inrbench.report.plots.style import COLUMN, looks


def critical_difference_diagram(group: Group) -> Figure:
    """Draw the methods' mean ranks by the primary metric over signals; a bar joins those within the critical difference.

    Raises NothingFound for fewer than three methods on two signals.
    """
    metrics = metrics_of(group.runs)
    scores = scores_by_signal(group, metrics[0]).dropna() if metrics else None
    sign = -1 if metrics and metrics[0].higher_is_better else 1
    try:
        result = critical_difference({} if scores is None else {label: sign * scores[label].to_numpy() for label in scores})
    except ValueError as error:
        raise NothingFound(f"{words.title(group)}: {error}") from error
    order = sorted(result.ranks.items(), key=lambda item: item[1])
    figure = Figure(figsize=(COLUMN, 0.9 + 0.18 * len(order)))
    axes = figure.subplots()
    style = looks(label for label, _ in order)
    for row, (label, rank) in enumerate(order):
        axes.plot([rank, rank], [0, -1 - row], color="#999999", linewidth=0.6)
        axes.plot(rank, -1 - row, "o", markersize=4, color=style[label]["color"])
        axes.annotate(f"{label}  {rank:.2f}", (rank, -1 - row), xytext=(6, 0), textcoords="offset points", va="center")
    ranks = np.array([rank for _, rank in order])
    ends = [int(np.searchsorted(ranks, rank + result.difference, side="right")) - 1 for rank in ranks]
    bars = [(i, end) for i, end in enumerate(ends) if end > i and (i == 0 or ends[i - 1] < end)]
    for height, (start, end) in enumerate(bars, start=1):
        axes.plot([ranks[start] - 0.03, ranks[end] + 0.03], [0.45 * height] * 2, color="black", linewidth=2.5)
    axes.set(xlim=(0.8, len(order) + 0.9), ylim=(-len(order) - 0.6, 0.45 * len(bars) + 0.4), yticks=[])
    axes.set(xlabel="mean rank (1 is best)")
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False)
    tested = f"{result.blocks} signals, critical difference {result.difference:.2f}, Friedman p {result.p:.1g}"
    figure.suptitle(f"{words.title(group)}\n{tested}", fontsize=6, color="#555555")
    return figure
