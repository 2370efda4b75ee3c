"""Charts as plain data, which ``charts.js`` draws in the page."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from inrbench.analyse import Leaderboard
from inrbench.analyse.costs import COSTS, costs_of, pareto_sets
from inrbench.report import formatting
from inrbench.report.plots.curves import mean_curves
from inrbench.report.plots.style import DASHES, line_styles

Chart = dict[str, Any]
DASH = dict(zip(DASHES, ([], [8, 5], [2, 4], [8, 4, 2, 4], [12, 3, 2, 3, 2, 3]), strict=True))
"""Dashes of matplotlib -> lengths of strokes and gaps in pixels."""
WIDE = 10.0
"""Factor between costs above which their axis is logarithmic."""


def curve_charts(leaderboard: Leaderboard) -> list[Chart]:
    """Return the mean learning curves of the rows, against steps and, if times are comparable, seconds of training."""
    group, metric = leaderboard.group, leaderboard.metrics[0]
    drawn = mean_curves(group, metric)
    lines = {label: line.reset_index() for label, line in drawn.lines.items()}
    title = formatting.metric_title(metric, [metric])
    return [
        line_chart(
            {label: (line[column].tolist(), line["value"].tolist()) for label, line in lines.items()},
            f"learning curves against {name}",
            name,
            title,
            x_log=True,
            y_log=metric.scale == "log",
        )
        for column, name in ((drawn.axis, drawn.axis), ("train_seconds", "seconds of training"))
        if column == drawn.axis or leaderboard.worker_layout
    ]


def pareto_charts(leaderboard: Leaderboard) -> list[Chart]:
    """Return the primary metric against each cost: a dot per complete method, and a line through those that none beats."""
    charts = []
    unbeaten = pareto_sets(leaderboard) if leaderboard.metrics else {}
    for cost, unit in COSTS.items():
        points = costs_of(leaderboard, cost)
        if len(points) < 2:
            continue
        metric, style = leaderboard.metrics[0], line_styles(points)
        costs = [spent for spent, _ in points.values()]
        front = sorted(points[label] for label in unbeaten.get(cost, ()))
        charts.append(
            {
                "title": f"{formatting.metric_title(metric, [metric])} against {cost}",
                "kind": "points",
                "x": _axis(f"{cost} ({unit})" if unit else cost, min(costs) > 0 and max(costs) > WIDE * min(costs)),
                "y": _axis(
                    formatting.metric_title(metric, [metric]),
                    metric.scale == "log" and all(quality > 0 for _, quality in points.values()),
                ),
                "series": [_series(label, style[label], [spent], [quality]) for label, (spent, quality) in points.items()],
                "front": {"x": [_number(x) for x, _ in front], "y": [_number(y) for _, y in front]},
            }
        )
    return charts


def line_chart(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    title: str,
    x: str,
    y: str,
    *,
    labels: Mapping[str, str] = MappingProxyType({}),
    x_log: bool = False,
    y_log: bool = False,
) -> Chart:
    """Return a line chart.

    Args:
        lines: Name -> x and y values. The line ``truth`` is drawn in grey, the others in the colours of their methods.
        title: Title of the chart.
        x: Title of the x axis.
        y: Title of the y axis.
        labels: Name -> method label that chooses its colour, if that is not the name itself.
        x_log: Draw the x axis on a log scale.
        y_log: Draw the y axis on a log scale.
    """
    plain = {name: labels.get(name, name) for name in lines}
    known = {**line_styles(plain.values()), "truth": {"color": "#888888", "linestyle": "-"}}
    return {
        "title": title,
        "kind": "lines",
        "x": _axis(x, x_log),
        "y": _axis(y, y_log),
        "series": [_series(name, known[plain[name]], xs, ys) for name, (xs, ys) in lines.items()],
    }


def _axis(label: str, log: bool) -> dict[str, Any]:
    return {"label": label, "log": log}


def _series(label: str, style: Mapping[str, Any], x: Sequence[float], y: Sequence[float]) -> dict[str, Any]:
    return {
        "label": label,
        "colour": style["color"],
        "dash": DASH[style["linestyle"]],
        "x": [_number(value) for value in x],
        "y": [_number(value) for value in y],
    }


def _number(value: float) -> float | None:
    """Return a number with six digits, or None (a gap in the line) if it is not finite."""
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None
