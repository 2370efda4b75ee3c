"""What stands on the page of a task under a protocol."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from inrbench.analyse import Board, Row, scores_by_signal
from inrbench.report import words
from inrbench.report.site import names
from inrbench.report.site.charts import curve_charts, pareto_charts


def table_view(boards: Sequence[Board]) -> dict[str, Any]:
    """Return the page's tables, one for each track, class of device and engine, and the choices of its filters."""
    groups = [board.group for board in boards]
    return {
        "title": f"{groups[0].task}, protocol {groups[0].protocol}",
        "task": groups[0].task, "protocol": groups[0].protocol, "fingerprint": groups[0].fingerprint,
        "boards": [board_view(board) for board in boards],
        "filters": {
            name: sorted({getattr(group, field) for group in groups})
            for name, field in (("track", "track"), ("device", "device_class"), ("engine", "engine"))
        },
    }  # fmt: skip


def board_view(board: Board) -> dict[str, Any]:
    """Return one table with its charts and its matrix of signals."""
    group = board.group
    return {
        "anchor": names.board_anchor(group), "title": words.title(group),
        "track": group.track, "device": group.device_class, "engine": group.engine,
        "header": words.header(board), "rows": [_row(board, row) for row in board.rows],
        "caption": words.caption(board),
        "charts": [*curve_charts(board), *pareto_charts(board)] if board.metrics else [],
        "matrix": _matrix(board),
    }  # fmt: skip


def _row(board: Board, row: Row) -> dict[str, Any]:
    (label, _), *cells = words.cells(board, row)
    return {
        "label": row.label, "trained": row.trained,
        "method": names.method_page(names.method_of(label)), "runs": names.runs_page(board.group, row.label),
        "cells": [{"text": text, "mark": mark or "", "key": sort_key(text)} for text, mark in cells],
    }  # fmt: skip


def sort_key(text: str) -> str:
    """Return what a cell is sorted by: the number it begins with.

    >>> sort_key("31.25 ± 2.10"), sort_key("3.60e-13 ×/÷ 2.1"), sort_key("12,867"), sort_key("1="), sort_key("–")
    ('31.25', '3.60e-13', '12867', '1', '')
    """
    found = re.match(r"-?[\d,]*\.?\d+(e[+-]?\d+)?", text)
    return found.group().replace(",", "") if found else ""


def _matrix(board: Board) -> dict[str, Any] | None:
    """Return the primary metric of every method on every signal, seeds averaged, with a shade from 0, worst, to 1, best."""
    if not board.metrics or len(board.signals) < 2:
        return None
    metric, group = board.metrics[0], board.group
    means = scores_by_signal(group, metric)
    finite = means.to_numpy(dtype=float)[np.isfinite(means.to_numpy(dtype=float))]
    low, span = (finite.min(), float(np.ptp(finite)) or 1.0) if len(finite) else (0.0, 1.0)
    labels = [row.label for row in board.rows if row.label in means.columns]
    lines = []
    for signal in means.index:
        cells = []
        for label in labels:
            value = means.at[signal, label]
            if not np.isfinite(value):
                cells.append({"text": words.NONE, "key": "", "shade": 0.0})
                continue
            share = (value - low) / span
            plain = metric.off_scale(value)
            shade = share if metric.higher_is_better else 1 - share
            text = words.number(plain, metric)
            cells.append({"text": text, "key": f"{plain:.8g}", "shade": round(float(shade), 3)})
        lines.append(
            {"signal": str(signal), "page": names.signal_page(group.task, group.fingerprint, str(signal)), "cells": cells}
        )
    return {"metric": words.metric_title(metric, [metric]), "labels": labels, "lines": lines}
