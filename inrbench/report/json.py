"""Leaderboards as JSON: everything a table knows, in full precision, for other programs."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from inrbench.analyse import Board
from inrbench.report import words


def to_json(boards: Sequence[Board]) -> str:
    """Return a list of tables. Numbers that JSON lacks (nan, inf) are strings; what is unknown is null."""
    return json.dumps(_plain([_one(board) for board in boards]), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _one(board: Board) -> dict[str, Any]:
    group = board.group
    return {
        "task": group.task, "protocol": group.protocol, "fingerprint": group.fingerprint, "device_class": group.device_class,
        "engine": group.engine, "track": group.track, "title": words.title(group),
        "metrics": [asdict(metric) for metric in board.metrics],
        "signals": board.signals, "seeds": board.seeds,
        "devices": board.devices, "sharing": board.sharing, "notes": board.notes,
        "rows": [{**asdict(row), "train_seconds": _cell(row.train_seconds if board.sharing else None),
                  "gpu_bytes": _cell(row.gpu_bytes)} for row in board.rows],
    }  # fmt: skip


def _cell(cell: Any) -> dict[str, Any] | None:
    return None if cell is None else asdict(cell)


def _plain(value: Any) -> Any:
    """Return the value with what JSON cannot hold written out."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
