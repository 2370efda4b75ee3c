"""Leaderboards as CSV: plain numbers, one line per method, for other programs."""

import csv
import io
from collections.abc import Sequence

from inrbench.analyse import Leaderboard, Summary


def to_csv(leaderboards: Sequence[Leaderboard]) -> str:
    """Return all tables as one, with mean, standard deviation and count per metric; missing values are empty."""
    metrics = list(dict.fromkeys(metric.id for leaderboard in leaderboards for metric in leaderboard.metrics))
    fixed = ["task", "protocol", "fingerprint", "device_class", "engine", "track", "method"]
    tail = [
        "train_seconds",
        "gpu_peak_bytes",
        "n_params",
        "trained",
        "complete",
        "position",
        "rank",
        "signals",
        "seeds_min",
        "seeds_max",
    ]
    tail += ["difference_to_best", "difference_low", "difference_high"]
    columns = [f"{metric} {what}" for metric in metrics for what in ("mean", "std", "n")]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*fixed, *map(csv_cell, columns), *tail])
    for leaderboard in leaderboards:
        group = leaderboard.group
        place = [group.task, group.protocol, group.fingerprint, group.device_class, group.engine, group.track]
        for row in leaderboard.rows:
            values = [value for metric in metrics for value in _three(row.cells.get(metric))]
            seconds = row.train_seconds.mean if row.train_seconds and leaderboard.worker_layout else ""
            memory = row.gpu_bytes.mean if row.gpu_bytes else ""
            difference_to_best = (
                ["", "", ""]
                if row.difference_to_best is None
                else [row.difference_to_best.mean, row.difference_to_best.low, row.difference_to_best.high]
            )
            order = [row.trained, row.complete, row.position, row.rank, row.n_signals, *row.seeds]
            writer.writerow(
                [*map(csv_cell, [*place, row.label]), *values, seconds, memory, row.n_params, *order, *difference_to_best]
            )
    return stream.getvalue()


def csv_cell(value: object) -> object:
    """Return the value of a cell; text that a spreadsheet would read as a formula gets a leading apostrophe.

    >>> csv_cell("=1+1"), csv_cell("siren"), csv_cell(-1.5)
    ("'=1+1", 'siren', -1.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value


def _three(cell: Summary | None) -> list[float | str | None]:
    return ["", "", ""] if cell is None else [cell.mean, cell.std, cell.n]
