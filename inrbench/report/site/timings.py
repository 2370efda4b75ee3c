"""Times of training steps, which ``inrbench profile`` measured."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inrbench.analyse import Leaderboard
from inrbench.registry import Registry
from inrbench.report.registered import known_protocol, task_of
from inrbench.store.files import read_regular
from inrbench.store.read_guard import read_json


def read_timings(results: Path) -> list[dict[str, Any]]:
    """Return the step timings that ``inrbench profile --format json`` wrote to ``profile/`` in a results folder.

    Files that are not step timings are ignored: a results folder may come from an untrusted source.
    """
    folder = results / "profile"
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() and not folder.is_symlink() else ():
        try:
            content = read_json(read_regular(path))
            found.append(
                {
                    "caption": str(content.get("caption", "")),
                    "kind": str(content.get("kind", "")),
                    "shape": str(content.get("shape", "")),
                    "device": str(content.get("machine", {}).get("device", "cpu")).split(":")[0],
                    "timings": {str(label): _timing(timing) for label, timing in content["timings"].items()},
                }
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            continue
    return found


def _timing(timing: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the numbers of a step timing that are shown. Raises an error if the timing has another form."""
    ratios = {part: timing.get(f"fast_to_{part}") for part in ("reference", "official", "limit")}
    speed = float(timing.get("points_per_second") or timing["points"] / min(timing["rounds"]["fast"]))
    if not (math.isfinite(speed) and speed > 0):
        raise ValueError(f"a speed of {speed}")
    return {part: None if ratio is None else float(ratio) for part, ratio in ratios.items()} | {"speed": speed}


def fit_seconds(leaderboard: Leaderboard, timings: Sequence[Mapping[str, Any]], registry: Registry) -> dict[str, float]:
    """Return the seconds of training per run of each row by a profile of this size; empty without one.

    It is the number of points of a run times the time per point of a step. The methods of a profile are timed in turn, so that
    other work on the machine disturbs them alike.

    Args:
        leaderboard: The table.
        timings: The step timings, from ``read_timings``.
        registry: The registry that describes the task.
    """
    group = leaderboard.group
    task = task_of(group.task, registry)
    protocol = known_protocol(task, group.protocol, group.fingerprint) if task else None
    if task is None or protocol is None or "points_seen" not in group.runs:
        return {}
    size = task.kind, f"{protocol.n_layers}x{protocol.width}", group.device_class
    profiles = [each["timings"] for each in timings if (each["kind"], each["shape"], each["device"]) == size]
    ended = group.runs[(group.runs["status"] == "ok") & (group.runs["points_seen"] > 0)]
    points = ended.groupby("label")["points_seen"].mean().to_dict()
    of_rows = [{label: seen / known[label]["speed"] for label, seen in points.items() if label in known} for known in profiles]
    return max(of_rows, key=len, default={})
