"""Learning curves, and what a parameter does to where they end."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inrbench.analyse import Group, measured, metrics_of
from inrbench.errors import NothingFound, unknown
from inrbench.report import words
from inrbench.report.plots.style import average, looks, panels
from inrbench.spec import Metric


def curves(group: Group) -> Figure:
    """Draw the primary metric against optimiser steps, a line a row, the mean over its runs."""
    metric = _primary(group)
    figure, (axes,) = panels(1, words.title(group))
    style = looks(group.runs["label"])
    for label, line in mean_curves(group, metric).items():
        axes.plot(line.index, line["value"], label=label, **style[label])
    axes.set(xscale="log", xlabel="step")
    _name(axes, metric)
    return figure


def mean_curves(group: Group, metric: Metric) -> dict[str, pd.DataFrame]:
    """Return for each row ``train_seconds`` and ``value``, the mean over its runs, by step.

    Signals of other sizes are looked at after other numbers of steps: between its own points a run is taken as straight over
    the logarithm of the step, and a mean is only where all runs of the row have begun and none has ended.
    """
    lines = {}
    for label, runs in group.runs.groupby("label", sort=True):
        curves = [pd.DataFrame(list(curve)).set_index("step") for curve in runs["curve"] if curve is not None and len(curve)]
        if curves:
            steps = sorted({step for curve in curves for step in curve.index})
            first, last = max(curve.index[0] for curve in curves), min(curve.index[-1] for curve in curves)
            shared = [step for step in steps if first <= step <= last]
            points = pd.concat([_at(curve, shared) for curve in curves])
            lines[str(label)] = points.groupby("step").agg({"train_seconds": "mean", "value": average(metric.scale == "log")})
    return lines


def _at(curve: pd.DataFrame, steps: Sequence[int]) -> pd.DataFrame:
    """Return a curve at steps within its range."""
    columns = curve[["train_seconds", "value"]].astype(float)
    if list(curve.index) == list(steps):
        return columns
    places, known = np.log(np.maximum(steps, 1)), np.log(np.maximum(curve.index, 1))
    values = {name: np.interp(places, known, columns[name]) for name in columns}
    return pd.DataFrame(values, index=pd.Index(steps, name="step"))


def sweep(group: Group, parameter: str) -> Figure:
    """Draw the primary metric at the end against a numeric parameter, a line for each setting of the others.

    The line is the mean over signals and seeds, the band reaches from the least to the largest, a cross stands where none
    of the runs ended with a number. Raises UnknownName for a parameter that no run has, NothingFound if it is nowhere a number.
    """
    metric = _primary(group)
    rows = []
    for run in group.runs.itertuples(index=False):
        params = json.loads(run.params_json)
        value = measured(run.metrics, metric.id) if run.status == "ok" else None
        if isinstance(x := params.get(parameter), int | float) and not isinstance(x, bool):
            others = {name: text for name, text in params.items() if name != parameter and len(_values(group, name)) > 1}
            settings = ", ".join(f"{name}={text}" for name, text in others.items())
            rows.append((f"{run.method}[{settings}]" if settings else run.method, float(x), value))
    if not rows:
        known = {name for text in group.runs["params_json"] for name in json.loads(text)}
        if parameter not in known:
            raise unknown("parameter of these runs", parameter, known)
        raise NothingFound(f"no run of these has a number as {parameter}")
    frame = pd.DataFrame(rows, columns=["label", "x", "value"]).astype({"value": float})
    figure, (axes,) = panels(1, words.title(group))
    styles = looks(frame["label"])
    for label, part in frame.groupby("label", sort=True):
        line = part.groupby("x")["value"].agg([average(metric.scale == "log"), "min", "max"])
        style = styles[str(label)]
        axes.plot(line.index, line.iloc[:, 0], marker="o", markersize=3, label=label, **style)
        axes.fill_between(line.index, line["min"], line["max"], color=style["color"], alpha=0.15, linewidth=0)
        lost = line.index[line["min"].isna()]
        axes.plot(lost, [0.97] * len(lost), "x", color=style["color"], transform=axes.get_xaxis_transform())
    axes.set(xlabel=parameter)
    _name(axes, metric)
    return figure


def _values(group: Group, name: str) -> set[str]:
    return {json.dumps(json.loads(text).get(name)) for text in group.runs["params_json"]}


def _primary(group: Group) -> Metric:
    metrics = metrics_of(group.runs)
    if not metrics:
        raise NothingFound(f"{words.title(group)}: no run of these has a number")
    return metrics[0]


def _name(axes: Axes, metric: Metric) -> None:
    axes.set(yscale="log" if metric.scale == "log" else "linear", ylabel=words.metric_title(metric, [metric]))
    axes.legend()
