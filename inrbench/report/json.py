"""Leaderboards as JSON for other programs: all values of a table in full precision."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from inrbench.analyse import Leaderboard
from inrbench.report import formatting


def to_json(leaderboards: Sequence[Leaderboard]) -> str:
    """Return the tables as a JSON list. Numbers that JSON lacks (nan, inf) are strings; unknown values are null."""
    return (
        json.dumps(_plain([_one(leaderboard) for leaderboard in leaderboards]), indent=1, ensure_ascii=False, allow_nan=False)
        + "\n"
    )


def _one(leaderboard: Leaderboard) -> dict[str, Any]:
    group = leaderboard.group
    return {
        "task": group.task,
        "protocol": group.protocol,
        "fingerprint": group.fingerprint,
        "device_class": group.device_class,
        "engine": group.engine,
        "track": group.track,
        "title": formatting.title(group),
        "metrics": [asdict(metric) for metric in leaderboard.metrics],
        "signals": leaderboard.signals,
        "seeds": leaderboard.seeds,
        "devices": leaderboard.devices,
        "worker_layout": leaderboard.worker_layout,
        "notes": leaderboard.notes,
        "rows": [
            {
                **asdict(row),
                "train_seconds": _cell(row.train_seconds if leaderboard.worker_layout else None),
                "gpu_bytes": _cell(row.gpu_bytes),
            }
            for row in leaderboard.rows
        ],
    }


def _cell(cell: Any) -> dict[str, Any] | None:
    return None if cell is None else asdict(cell)


def _plain(value: Any) -> Any:
    """Return the value with numbers that JSON lacks written as strings."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
