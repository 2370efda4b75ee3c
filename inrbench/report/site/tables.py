"""The content of the page of a task under a protocol."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from inrbench.analyse import Entry, Leaderboard, scores_by_signal
from inrbench.console import NONE
from inrbench.report import formatting
from inrbench.report.site import urls
from inrbench.report.site.charts import curve_charts, pareto_charts


def table_view(leaderboards: Sequence[Leaderboard]) -> dict[str, Any]:
    """Return the tables of the page, one per track, device class and engine, and the options of its filters."""
    groups = [leaderboard.group for leaderboard in leaderboards]
    return {
        "title": f"{groups[0].task}, protocol {groups[0].protocol}",
        "task": groups[0].task,
        "protocol": groups[0].protocol,
        "fingerprint": groups[0].fingerprint,
        "leaderboards": [leaderboard_view(leaderboard) for leaderboard in leaderboards],
        "filters": {
            name: sorted({getattr(group, field) for group in groups})
            for name, field in (("track", "track"), ("device", "device_class"), ("engine", "engine"))
        },
    }


def leaderboard_view(leaderboard: Leaderboard) -> dict[str, Any]:
    """Return one table with its charts and its matrix of signals and methods."""
    group = leaderboard.group
    return {
        "anchor": urls.leaderboard_anchor(group),
        "title": formatting.title(group),
        "track": group.track,
        "device": group.device_class,
        "engine": group.engine,
        "header": formatting.header(leaderboard),
        "rows": [_row(leaderboard, row) for row in leaderboard.rows],
        "caption": formatting.caption(leaderboard),
        "charts": [*curve_charts(leaderboard), *pareto_charts(leaderboard)] if leaderboard.metrics else [],
        "matrix": _matrix(leaderboard),
    }


def _row(leaderboard: Leaderboard, row: Entry) -> dict[str, Any]:
    (label, _), *cells = formatting.cells(leaderboard, row)
    return {
        "label": row.label,
        "trained": row.trained,
        "method": urls.method_page(urls.method_of(label)),
        "runs": urls.runs_page(leaderboard.group, row.label),
        "cells": [{"text": text, "mark": mark or "", "key": sort_key(text)} for text, mark in cells],
    }


def sort_key(text: str) -> str:
    """Return the sort key of a cell: the number at its start.

    >>> sort_key("31.25 ± 2.10"), sort_key("3.60e-13 ×/÷ 2.1"), sort_key("12,867"), sort_key("1="), sort_key("–")
    ('31.25', '3.60e-13', '12867', '1', '')
    """
    found = re.match(r"-?[\d,]*\.?\d+(e[+-]?\d+)?", text)
    return found.group().replace(",", "") if found else ""


def _matrix(leaderboard: Leaderboard) -> dict[str, Any] | None:
    """Return the primary metric per signal and method, averaged over seeds, shaded from 0 (worst) to 1 (best)."""
    if not leaderboard.metrics or len(leaderboard.signals) < 2:
        return None
    metric, group = leaderboard.metrics[0], leaderboard.group
    means = scores_by_signal(group, metric)
    finite = means.to_numpy(dtype=float)[np.isfinite(means.to_numpy(dtype=float))]
    low, span = (finite.min(), float(np.ptp(finite)) or 1.0) if len(finite) else (0.0, 1.0)
    labels = [row.label for row in leaderboard.rows if row.label in means.columns]
    lines = []
    for signal in means.index:
        cells = []
        for label in labels:
            value = means.at[signal, label]
            if not np.isfinite(value):
                cells.append({"text": NONE, "key": "", "shade": 0.0})
                continue
            share = (value - low) / span
            plain = metric.from_scale(value)
            shade = share if metric.higher_is_better else 1 - share
            text = formatting.number(plain, metric)
            cells.append({"text": text, "key": f"{plain:.8g}", "shade": round(float(shade), 3)})
        lines.append(
            {"signal": str(signal), "page": urls.signal_page(group.task, group.fingerprint, str(signal)), "cells": cells}
        )
    return {"metric": formatting.metric_title(metric, [metric]), "labels": labels, "lines": lines}
