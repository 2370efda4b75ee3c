"""Charts as plain data, drawn by Plotly in the page."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from inrbench.analyse import Leaderboard
from inrbench.analyse.costs import COSTS, costs_of
from inrbench.report import formatting
from inrbench.report.plots.curves import mean_curves
from inrbench.report.plots.style import DASHES, MARKERS, line_styles

Chart = dict[str, Any]
DASH = dict(zip(DASHES, ("solid", "dash", "dot", "dashdot", "longdashdot"), strict=True))
SYMBOL = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "P": "cross"}


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
    """Return the primary metric against each cost, one dot per complete method."""
    charts = []
    for cost, unit in COSTS.items():
        points = costs_of(leaderboard, cost)
        if len(points) < 2:
            continue
        metric, style = leaderboard.metrics[0], line_styles(points)
        data = [
            {
                "type": "scatter",
                "mode": "markers",
                "name": label,
                "x": [_number(spent)],
                "y": [_number(quality)],
                "marker": {"color": style[label]["color"], "size": 11, "symbol": SYMBOL[MARKERS[style[label]["linestyle"]]]},
            }
            for label, (spent, quality) in points.items()
        ]
        y_log = metric.scale == "log" and all(quality > 0 for _, quality in points.values())
        layout = _layout(f"{cost} ({unit})" if unit else cost, formatting.metric_title(metric, [metric]), False, y_log)
        charts.append({"title": f"primary metric against {cost}", "data": data, "layout": layout})
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
    style = {label: known[name] for label, name in plain.items()}
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": label,
            "x": [_number(v) for v in xs],
            "y": [_number(v) for v in ys],
            "line": {"color": style[label]["color"], "dash": DASH[style[label]["linestyle"]], "width": 2},
        }
        for label, (xs, ys) in lines.items()
    ]
    return {"title": title, "data": data, "layout": _layout(x, y, x_log, y_log)}


def _layout(x: str, y: str, x_log: bool, y_log: bool) -> dict[str, Any]:
    kind = {True: "log", False: "linear"}
    return {
        "xaxis": {"title": {"text": x}, "type": kind[x_log]},
        "yaxis": {"title": {"text": y}, "type": kind[y_log], "exponentformat": "power"},
    }


def _number(value: float) -> float | None:
    """Return a number with six digits, or None (a gap in the line) if it is not finite."""
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None
