"""Leaderboards as CSV: plain numbers, one line a method, for whatever comes next."""

import csv
import io
from collections.abc import Sequence

from inrbench.analyse import Board, Cell


def to_csv(boards: Sequence[Board]) -> str:
    """Return all tables as one, with a mean, a spread and a count for each metric; empty where there is no value."""
    metrics = list(dict.fromkeys(metric.id for board in boards for metric in board.metrics))
    fixed = ["task", "protocol", "fingerprint", "device_class", "engine", "track", "method"]
    tail = [
        "train_seconds",
        "gpu_peak_bytes",
        "n_params",
        "trained",
        "complete",
        "place",
        "rank",
        "signals",
        "seeds_min",
        "seeds_max",
    ]
    tail += ["behind", "behind_low", "behind_high"]
    columns = [f"{metric} {what}" for metric in metrics for what in ("mean", "spread", "n")]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*fixed, *map(csv_cell, columns), *tail])
    for board in boards:
        group = board.group
        place = [group.task, group.protocol, group.fingerprint, group.device_class, group.engine, group.track]
        for row in board.rows:
            values = [value for metric in metrics for value in _three(row.cells.get(metric))]
            seconds = row.train_seconds.mean if row.train_seconds and board.sharing else ""
            memory = row.gpu_bytes.mean if row.gpu_bytes else ""
            behind = ["", "", ""] if row.behind is None else [row.behind.mean, row.behind.low, row.behind.high]
            order = [row.trained, row.complete, row.place, row.rank, row.n_signals, *row.seeds]
            writer.writerow([*map(csv_cell, [*place, row.label]), *values, seconds, memory, row.n_params, *order, *behind])
    return stream.getvalue()


def csv_cell(value: object) -> object:
    """Return what stands in a cell: a text that a spreadsheet would take for a formula gets an apostrophe before it.

    >>> csv_cell("=1+1"), csv_cell("siren"), csv_cell(-1.5)
    ("'=1+1", 'siren', -1.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value


def _three(cell: Cell | None) -> list[float | str | None]:
    return ["", "", ""] if cell is None else [cell.mean, cell.spread, cell.n]
