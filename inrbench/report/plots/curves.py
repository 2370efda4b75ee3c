"""Learning curves, and what a parameter does to where they end."""

import json
from collections.abc import Sequence
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
from inrbench.report.plots.style import average, line_styles, panels
from inrbench.spec import Metric

FEW_LINES = 4
LEGEND_ROW = 0.16
"""Inches that a row of a legend takes."""


def curves(group: ComparableRuns) -> Figure:
    """Draw the primary metric along the training, a line for each row that has all signals."""
    metric = _primary(group)
    figure, (axes,) = panels(1, formatting.title(group))
    style = line_styles(group.runs["label"])
    drawn = mean_curves(group, metric)
    for label, line in drawn.lines.items():
        axes.plot(line.index, line["value"], label=label, **style[label])
    axes.set(xscale="log", xlabel=drawn.axis)
    _name(axes, metric)
    return figure


@dataclass(frozen=True)
class MeanCurves:
    """For each row ``train_seconds`` and ``value`` by the place on the axis; ``left_out``: rows that lack a signal."""

    lines: dict[str, pd.DataFrame]
    axis: str
    left_out: tuple[str, ...]


SHARES = np.geomspace(1e-3, 1, 60)
"""Places on the axis where signals have different numbers of steps."""


def mean_curves(group: ComparableRuns, metric: Metric) -> MeanCurves:
    """Return each row's learning curve, averaged as the tables are: over seeds, then over signals. It ends at their number.

    Shown are the rows that have a curve on every signal, trained or not. Where all runs have as many steps the axis is the
    step; else it is the share of a run's own budget. Between its points a curve is straight over the logarithm of the axis. A
    model that is solved and not trained is its end, all along.
    """
    runs = group.runs[(group.runs["status"] == "ok") & group.runs["curve"].map(lambda c: c is not None and len(c) > 0)]
    signals = set(group.runs.loc[group.runs["status"] != "skipped", "signal"])
    whole = [str(label) for label, part in runs.groupby("label", sort=True) if set(part["signal"]) == signals]
    left_out = tuple(sorted(set(map(str, group.runs["label"])) - set(whole)))
    tables = [
        (run.label, run.signal, pd.DataFrame(list(run.curve)).set_index("step"))
        for run in runs[runs["label"].isin(whole)].itertuples(index=False)
    ]
    lengths = {curve.index[-1] for _, _, curve in tables if not _solved(curve)}
    if len(lengths) == 1:
        (last,) = lengths
        places = np.array(sorted({step for _, _, curve in tables if not _solved(curve) for step in curve.index}), dtype=float)
        scale, axis = float(last), "step"
    else:
        places, scale, axis = SHARES, 1.0, "share of the steps"
    by_label: dict[str, dict[str, list[pd.DataFrame]]] = {}
    for label, signal, curve in tables:
        by_label.setdefault(str(label), {}).setdefault(str(signal), []).append(_at(curve, places / scale, metric))
    lines = {}
    for label, of_signals in by_label.items():
        mean = sum(sum(seeds) / len(seeds) for seeds in of_signals.values()) / len(of_signals)
        mean = mean.set_axis(pd.Index(places, name=axis))
        mean["value"] = [metric.from_scale(value) for value in mean["value"]]
        lines[label] = mean.dropna()
    return MeanCurves(lines, axis, left_out)


def _solved(curve: pd.DataFrame) -> bool:
    return bool((curve["lr"] == 0).all())


def _at(curve: pd.DataFrame, shares: NDArray[np.float64], metric: Metric) -> pd.DataFrame:
    """Return seconds and values, on the metric's scale, at shares of a run's budget; NaN before its first point."""
    columns = curve[["train_seconds", "value"]].astype(float)
    columns["value"] = [metric.to_scale(value) for value in columns["value"]]
    if _solved(curve):
        return pd.DataFrame([columns.iloc[-1]] * len(shares), index=range(len(shares)))
    known = np.log(np.maximum(curve.index, 1) / curve.index[-1])
    values = {name: np.interp(np.log(shares), known, columns[name], left=np.nan) for name in columns}
    return pd.DataFrame(values)


def sweep(group: ComparableRuns, parameter: str) -> Figure:
    """Draw the primary metric at the end against a numeric parameter, a line for each setting of the others.

    The line is the mean over seeds, then over signals; the band reaches from the least run to the largest, and a cross stands
    where none of the runs ended with a number. What did not train counts: where a setting fails is what a sweep shows.
    Raises UnknownName for a parameter that no run has, NothingFound if it is nowhere a number.
    """
    metric = _primary(group)
    runs = [(run, json.loads(run.params_json)) for run in group.runs.itertuples(index=False)]
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
    styles = line_styles(frame["label"])
    for label, part in frame.groupby("label", sort=True):
        line = part.groupby("x")["value"].agg(["min", "max"])
        line["mean"] = part.groupby(["x", "signal"])["value"].agg(mean).groupby("x").agg(mean)
        style = styles[str(label)]
        axes.plot(line.index, line["mean"], marker="o", markersize=3, label=label, **style)
        axes.fill_between(line.index, line["min"], line["max"], color=style["color"], alpha=0.15, linewidth=0)
        lost = line.index[line["min"].isna()]
        axes.plot(lost, [0.97] * len(lost), "x", color=style["color"], transform=axes.get_xaxis_transform())
    axes.set(xlabel=parameter)
    _name(axes, metric)
    return figure


def _is_number(value: object) -> bool:
    """Whether a parameter's value can stand on an axis."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _values(swept: Sequence[tuple[Any, dict[str, Any]]], name: str) -> set[str]:
    return {json.dumps(params.get(name)) for _, params in swept}


def _primary(group: ComparableRuns) -> Metric:
    metrics = metrics_of(group.runs)
    if not metrics:
        raise NothingFound(f"{formatting.title(group)}: no run of these has a number")
    return metrics[0]


def _name(axes: Axes, metric: Metric) -> None:
    axes.set(yscale="log" if metric.scale == "log" else "linear", ylabel=formatting.metric_title(metric, [metric]))
    figure, n_lines = axes.get_figure(), len(axes.get_legend_handles_labels()[0])
    assert isinstance(figure, Figure)
    columns = 1 if n_lines <= FEW_LINES else 3
    figure.set_figheight(figure.get_figheight() + LEGEND_ROW * -(-n_lines // columns))
    figure.legend(loc="outside lower center", ncols=columns)  # lines may be anywhere in the panel
