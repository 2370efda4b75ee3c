"""Times of training steps, which ``inrbench profile`` measured."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inrbench.analyse import Leaderboard
from inrbench.registry import Registry
from inrbench.report.site.protocol_card import known_protocol
from inrbench.report.site.registered import task_of
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


def step_times(leaderboard: Leaderboard, timings: Sequence[Mapping[str, Any]], registry: Registry) -> dict[str, float]:
    """Return the time of a training step of each row, as a multiple of the shortest; empty without a profile of this size.

    The times of a profile are measured in turn, in one process; those of runs may come from a busy machine.

    Args:
        leaderboard: The table.
        timings: The step timings, from ``read_timings``.
        registry: The registry that describes the task.
    """
    group = leaderboard.group
    task = task_of(group.task, registry)
    protocol = known_protocol(task, group.protocol, group.fingerprint) if task else None
    if task is None or protocol is None:
        return {}
    size = task.kind, f"{protocol.n_layers}x{protocol.width}", group.device_class
    profiles = [each["timings"] for each in timings if (each["kind"], each["shape"], each["device"]) == size]
    labels = [row.label for row in leaderboard.rows]
    of_rows = [{label: known[label]["speed"] for label in labels if label in known} for known in profiles]
    speeds = max(of_rows, key=len, default={})
    return {label: max(speeds.values()) / speed for label, speed in speeds.items()}
