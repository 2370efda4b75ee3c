"""Learning curves, and the effect of a parameter on the final value."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from inrbench.analyse import ComparableRuns, measured, metrics_of
from inrbench.errors import NothingFound, unknown_name
from inrbench.report import formatting
from inrbench.report.plots.labels import Style, height_for, label_right
from inrbench.report.plots.style import average, line_styles, panels
from inrbench.spec import Metric

LABEL_ROOM_IN = 0.6
"""Width in inches that is added to a figure for the names at the right."""


def curves(group: ComparableRuns) -> Figure:
    """Draw the primary metric during training, one line per row that has all signals."""
    metric = _primary(group)
    figure, (axes,) = panels(1, formatting.title(group))
    style = line_styles(group.runs["label"])
    drawn = mean_curves(group, metric)
    for label, line in drawn.lines.items():
        axes.plot(line.index, line["value"], label=label, **style[label])
    axes.set(xscale="log", xlabel=drawn.axis)
    axes.margins(x=0)
    _name(axes, metric, {label: float(line["value"].iloc[-1]) for label, line in drawn.lines.items() if len(line)}, style)
    return figure


@dataclass(frozen=True)
class MeanCurves:
    """The mean learning curves of the rows of a leaderboard.

    Args:
        lines: Label of a row -> its ``train_seconds`` and ``value``, indexed by the position on the axis.
        axis: Name of the axis: ``step`` or ``share of the steps``.
        left_out: Labels of the rows that lack a signal.
    """

    lines: dict[str, pd.DataFrame]
    axis: str
    left_out: tuple[str, ...]


SHARES = np.geomspace(1e-3, 1, 60)
"""Positions on the axis if runs have different numbers of steps: shares of a run's own steps."""


def mean_curves(group: ComparableRuns, metric: Metric) -> MeanCurves:
    """Return each row's learning curve, averaged as in the tables: over seeds, then over signals.

    A curve ends at the value in the table. Rows that have a curve on every signal are included, whether they trained or not.
    If all runs have the same number of steps, the axis is the step; otherwise it is the share of a run's own steps. Values
    between two points are interpolated linearly over the logarithm of the axis. A model that is solved and not trained has a
    constant curve at its final value.
    """
    runs = group.runs[(group.runs["status"] == "ok") & group.runs["curve"].map(lambda c: c is not None and len(c) > 0)]
    signals = set(group.runs.loc[group.runs["status"] != "skipped", "signal"])
    whole = [str(label) for label, part in runs.groupby("label", sort=True) if set(part["signal"]) == signals]
    left_out = tuple(sorted(set(map(str, group.runs["label"])) - set(whole)))
    runs = runs[runs["label"].isin(whole)]
    found = [
        (str(label), str(signal), _curve(points, metric, measured(metrics, metric.id)))
        for label, signal, points, metrics in zip(runs["label"], runs["signal"], runs["curve"], runs["metrics"], strict=True)
    ]
    lengths = {curve.steps[-1] for _, _, curve in found if curve.solved is None}
    if len(lengths) == 1:
        (last,) = lengths
        places = np.array(sorted({step for _, _, curve in found if curve.solved is None for step in curve.steps}), dtype=float)
        scale, axis = float(last), "step"
    else:
        places, scale, axis = SHARES, 1.0, "share of the steps"
    by_label: dict[str, dict[str, list[NDArray[np.float64]]]] = {}
    for label, signal, curve in found:
        by_label.setdefault(label, {}).setdefault(signal, []).append(curve.at(places / scale))
    lines = {}
    for label, of_signals in by_label.items():
        seconds, values = np.mean([np.mean(seeds, axis=0) for seeds in of_signals.values()], axis=0)
        columns = {"train_seconds": seconds, "value": [metric.from_scale(value) for value in values]}
        lines[label] = pd.DataFrame(columns, index=pd.Index(places, name=axis)).dropna()
    return MeanCurves(lines, axis, left_out)


@dataclass(frozen=True)
class _Curve:
    """The learning curve of a run, with values on the metric's scale."""

    steps: NDArray[np.float64]
    columns: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Seconds of training, and values."""
    solved: float | None
    """Final value of a model that was solved and not trained (all of its learning rates are 0); None for other runs."""

    def at(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return seconds and values ``(2, N)`` at shares of the run's steps; NaN before its first point."""
        if self.solved is not None:
            return np.repeat([[self.columns[0][-1]], [self.solved]], len(shares), axis=1)
        known = np.log(np.maximum(self.steps, 1) / self.steps[-1])
        return np.stack([np.interp(np.log(shares), known, column, left=np.nan) for column in self.columns])


def _curve(points: Sequence[Mapping[str, float]], metric: Metric, final: float | None) -> _Curve:
    def column(name: str) -> NDArray[np.float64]:
        return np.array([point[name] for point in points], dtype=np.float64)

    values = np.array([metric.to_scale(value) for value in column("value")])
    # a solver works in float64 and the table has the value of the float32 model: near an exact fit they differ
    solved = None if (column("lr") != 0).any() else values[-1] if final is None else metric.to_scale(final)
    return _Curve(column("step"), (column("train_seconds"), values), solved)


def sweep(group: ComparableRuns, parameter: str) -> Figure:
    """Draw the final primary metric against a numeric parameter, one line per setting of the other parameters.

    The line is the mean over seeds, then over signals. The band covers the values of all runs. A cross marks a parameter value
    for which no run ended with a number. Runs that did not train are included, since a sweep shows where a setting fails.
    Raises UnknownName for a parameter that no run has, and NothingFound if the parameter is never a number.
    """
    metric = _primary(group)
    runs = [(run, json.loads(run.params_json)) for run in group.runs.itertuples(index=False)]
    swept = [(run, params) for run, params in runs if _is_number(params.get(parameter))]
    varied = {name for _, params in swept for name in params if name != parameter and len(_values(swept, name)) > 1}
    rows = []
    for run, params in swept:
        value = measured(run.metrics, metric.id) if run.status == "ok" else None
        settings = ", ".join(f"{name}={params[name]}" for name in sorted(varied & params.keys()))
        rows.append((f"{run.method}[{settings}]" if settings else run.method, run.signal, float(params[parameter]), value))
    if not rows:
        known = {name for text in group.runs["params_json"] for name in json.loads(text)}
        if parameter not in known:
            raise unknown_name("parameter of these runs", parameter, known)
        raise NothingFound(f"no run of these has a number as {parameter}")
    frame = pd.DataFrame(rows, columns=["label", "signal", "x", "value"]).astype({"value": float})
    mean = average(metric.scale == "log")
    figure, (axes,) = panels(1, formatting.title(group))
    styles, ends = line_styles(frame["label"]), dict[str, float]()
    for label, part in frame.groupby("label", sort=True):
        line = part.groupby("x")["value"].agg(["min", "max"])
        line["mean"] = part.groupby(["x", "signal"])["value"].agg(mean).groupby("x").agg(mean)
        style = styles[str(label)]
        axes.plot(line.index, line["mean"], marker="o", markersize=3, label=label, **style)
        axes.fill_between(line.index, line["min"], line["max"], color=style["color"], alpha=0.15, linewidth=0)
        lost = line.index[line["min"].isna()]
        axes.plot(lost, [0.97] * len(lost), "x", color=style["color"], transform=axes.get_xaxis_transform())
        known = line["mean"].dropna()
        if len(known):
            ends[str(label)] = float(known.iloc[-1])
    axes.set(xlabel=parameter)
    axes.margins(x=0.02)
    _name(axes, metric, ends, styles)
    return figure


def _is_number(value: object) -> bool:
    """Return whether a parameter's value can be drawn on an axis."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _values(swept: Sequence[tuple[Any, dict[str, Any]]], name: str) -> set[str]:
    return {json.dumps(params.get(name)) for _, params in swept}


def _primary(group: ComparableRuns) -> Metric:
    metrics = metrics_of(group.runs)
    if not metrics:
        raise NothingFound(f"{formatting.title(group)}: none of these runs has a value")
    return metrics[0]


def _name(axes: Axes, metric: Metric, ends: Mapping[str, float], styles: Style) -> None:
    """Name the y axis, and each line at its right end."""
    axes.set(yscale="log" if metric.scale == "log" else "linear", ylabel=formatting.metric_title(metric, [metric]))
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    figure.set_figheight(height_for(len(ends), figure.get_figheight()))
    figure.set_figwidth(figure.get_figwidth() + LABEL_ROOM_IN)
    label_right(axes, {name: value for name, value in ends.items() if np.isfinite(value)}, styles)
