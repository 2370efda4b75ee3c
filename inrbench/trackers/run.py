"""A stored run in the form that trackers receive."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inrbench.errors import BadValue
from inrbench.spec import run_title
from inrbench.store import artifact_files

PICTURES = (".png", ".jpg", ".jpeg")
RUN_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
ATTEMPT_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)
COSTS = ("train_seconds", "wall_seconds", "n_params", "host_peak_bytes", "gpu_peak_allocated_bytes")


@dataclass(frozen=True)
class TrackedRun:
    """A run that has ended.

    Args:
        run_id: Id of the run.
        attempt_id: Id of the attempt. A run that was repeated has several.
        title: Title for people, such as ``photo/camera siren seed 0``.
        facts: What defines the run: task, signal, method, its parameters, protocol, seed, and how it ended.
        curve: Points of the learning curve: step, seconds of training, loss, learning rate, primary metric.
        metrics: Metric id -> final value.
        costs: Name -> seconds, bytes or number of parameters.
        started: When the run started, in seconds since 1970.
        pictures: Name -> file of the stored pictures.
    """

    run_id: str
    attempt_id: str
    title: str
    facts: Mapping[str, str | int | float]
    curve: tuple[Mapping[str, float], ...]
    metrics: Mapping[str, float]
    costs: Mapping[str, float]
    started: float
    pictures: Mapping[str, Path]


def tracked_run(row: Mapping[str, Any], results: Path) -> TrackedRun:
    """Return a stored run for trackers. Values that are missing or not finite are left out.

    Raises BadValue for a row whose ids could not have been written by inrbench: trackers use them as names of files.

    Args:
        row: The stored row, with all columns.
        results: The results folder.
    """
    if not (RUN_ID.fullmatch(row["run_id"]) and ATTEMPT_ID.fullmatch(row["attempt_id"])):
        raise BadValue(f"the ids of run {row['run_id'][:32]!r} are malformed")
    names = (
        "task",
        "signal",
        "method",
        "variant",
        "protocol",
        "protocol_fingerprint",
        "track",
        "engine",
        "seed",
        "device_name",
    )
    facts = {name: row[name] for name in (*names, "status", "message", "code_commit") if row[name] not in (None, "")}
    facts |= {f"param.{name}": str(value) for name, value in json.loads(row["params_json"]).items()}
    primary = row["primary_metric"]
    curve = [
        _finite({"train_seconds": p["train_seconds"], "loss": p["loss"], "lr": p["lr"], primary: p["value"]})
        | {"step": p["step"]}
        for p in row["curve"] or ()
    ]
    return TrackedRun(
        run_id=row["run_id"],
        attempt_id=row["attempt_id"],
        title=run_title(row["task"], row["signal"], row["method"], row["seed"]),
        facts=facts,
        curve=tuple(curve),
        metrics=_finite({each["id"]: each["value"] for each in row["metrics"] or ()}),
        costs=_finite({name: row[name] for name in COSTS}),
        started=row["started_at"].timestamp(),
        pictures={
            name: path for name, path in artifact_files(results, row["artifacts"]).items() if path.suffix.lower() in PICTURES
        },
    )


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}
