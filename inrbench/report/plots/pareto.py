"""Quality against cost."""

import math

from matplotlib.figure import Figure

from inrbench.analyse import ComparableRuns, build_leaderboard
from inrbench.analyse.costs import COSTS, costs_of, pareto_sets
from inrbench.errors import NothingFound
from inrbench.report import formatting
from inrbench.report.plots.labels import height_for, label_points
from inrbench.report.plots.style import marker_styles, panels

PANEL_IN = 3.4
"""Width of a panel in inches."""


def pareto(group: ComparableRuns) -> Figure:
    """Draw the primary metric of each complete method against train time, parameters and GPU memory.

    A line joins the methods that no other method beats. Times are shown only if all were measured in the same way. A cost that
    is the same for all methods is left out. Raises NothingFound if nothing is left to draw.
    """
    leaderboard = build_leaderboard(group)
    sets = pareto_sets(leaderboard)
    if not sets:
        raise NothingFound(
            f"{formatting.title(group)}: a Pareto figure needs two methods that trained on all signals and differ in cost"
        )
    metric = leaderboard.metrics[0]
    figure, axes = panels(len(sets), formatting.title(group))
    style = marker_styles(row.label for row in leaderboard.rows)
    for panel, (cost, unbeaten) in zip(axes, sets.items(), strict=True):
        points = costs_of(leaderboard, cost)
        for label, (spent, quality) in points.items():
            panel.plot(spent, quality, label=label, **style[label])
        front = sorted(points[label] for label in unbeaten)
        panel.plot(*zip(*front, strict=True), color="#999999", linewidth=0.8, zorder=0)
        least, most = (end(spent for spent, _ in points.values()) for end in (min, max))
        scale = "log" if 0 < 10 * least < most else "linear"
        panel.set(xlabel=f"{cost} ({COSTS[cost]})" if COSTS[cost] else cost, xscale=scale)
        if metric.scale == "log" and all(quality > 0 and math.isfinite(quality) for _, quality in points.values()):
            panel.set(yscale="log")
    axes[0].set(ylabel=formatting.metric_title(metric, [metric]))
    names = max(len(costs_of(leaderboard, cost)) for cost in sets)
    figure.set_size_inches(PANEL_IN * len(sets), height_for(names, figure.get_figheight()))
    for panel, cost in zip(axes, sets, strict=True):
        panel.margins(0.08)
        panel.autoscale_view()
        label_points(panel, costs_of(leaderboard, cost), style, PANEL_IN * 0.8)
    return figure
