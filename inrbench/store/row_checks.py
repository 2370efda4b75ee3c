"""Checks of what a row of results states about itself. The row may come from an untrusted source."""

import json
import math
import re
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa

from inrbench.errors import InrbenchError
from inrbench.registry import Registry, Task
from inrbench.spec import Protocol, Status, name_error, variant_text
from inrbench.store.read_guard import read_json
from inrbench.store.schema import MALFORMED_ROW, SELECTION_COLUMNS, spec_of, with_defaults
from inrbench.store.write import compacted_name, is_compacted

COUNTED = (
    "n_params",
    "n_params_stored",
    "n_params_deployed",
    "train_seconds",
    "wall_seconds",
    "steps",
    "points_seen",
    "host_peak_bytes",
    "gpu_peak_allocated_bytes",
    "gpu_peak_reserved_bytes",
    "model_bytes",
)
"""Columns whose values are empty or at least zero."""
ATTEMPT_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)
CLOCKS_DIFFER_SECONDS = 24 * 3600.0


def row_error(row: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a row that was read with all columns of SCHEMA, or None if nothing is.

    The run id is recomputed from the columns. Missing values were already detected when the row was read.
    """
    run = f"contains run {row['run_id'][:10]}"
    for name in ("task", "method"):
        if why := name_error(row[name]):
            return f"{run}: {why}"
    if row["status"] not in get_args(Status):
        return f"{run}, whose status is not one of {', '.join(get_args(Status))}"
    if row["started_at"] > row["finished_at"]:
        return f"{run}, which ended before it began"
    if any(item["bytes"] < 0 for item in row["artifacts"] or ()):
        return f"{run}, with an artifact of negative size"
    if fault := _value_error(row):
        return f"{run}, {fault}"
    if is_legacy(row):
        return f"{run} of the first version, whose id cannot be checked; update its folder with: inrbench results migrate"
    rest = _time_error(row) or _fingerprint_error(row) or _signal_error(row)
    return _identity_error(row) or (f"{run}, {rest}" if rest else None)


def _value_error(row: Mapping[str, Any]) -> str | None:
    """Return a description of a value that no run can have, or None if there is none."""
    if row["seed"] < 0:
        return "whose seed is negative"
    if row["signal"] != row["signal"].strip() or not row["signal"].isprintable():
        return "whose signal name begins or ends with a space, or cannot be printed"
    if row["track"] != "search" and not _is_variant(row["variant"], json.loads(row["params_json"])):
        return f"whose label {row['variant']!r} does not match its parameters"
    values = {item["id"]: item["value"] for item in row["metrics"]}
    if len(values) != len(row["metrics"]):
        return "which has a metric twice"
    primary = values.get(row["primary_metric"])
    if row["status"] == "ok" and row["primary_metric"] is not None and (primary is None or not math.isfinite(primary)):
        return f"whose status is ok without a finite value of {row['primary_metric']}"
    counted = {name: row[name] for name in COUNTED if row[name] is not None}
    negative = next((name for name, value in counted.items() if not value >= 0), None)
    return f"whose {negative} is {counted[negative]}" if negative else None


def _is_variant(variant: str, params: Mapping[str, Any]) -> bool:
    """Return whether the settings in a label are those of the parameters: ``omega=10.0`` for ``{"omega": 10.0}``."""
    names = [name for name in re.findall(r"(?:^|,)([A-Za-z_]\w*)=", variant) if name in params]
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in params.items()}
    return variant == variant_text({name: values[name] for name in names})


def _time_error(row: Mapping[str, Any]) -> str | None:
    """Return what is wrong if a row claims a time in the future, which would make it the newest for ever; otherwise None."""
    limit = time.time() + CLOCKS_DIFFER_SECONDS
    attempt = row["attempt_id"]
    made = int(attempt[:16], 16) / 1e9 if ATTEMPT_ID.fullmatch(attempt) else 0.0
    if max(row["finished_at"].timestamp(), made) > limit:
        return "which claims to have ended in the future"
    return None


def _fingerprint_error(row: Mapping[str, Any]) -> str | None:
    """Return what is wrong if the protocol in a row does not match its fingerprint, which selects its leaderboard, else None.

    This cannot be checked for a task that is not known here, or for a different version of it. On tracks other than the
    paper's it is not checked, because the stored protocol contains the changes of the track.
    """
    task = _built_in(row["task"], row["task_version"]) if (row["track"] or "paper") == "paper" else None
    if task is None:
        return None
    try:
        protocol = Protocol.decoded(read_json(row["protocol_json"]), task.settings_type)
        true = protocol.fingerprint(row["task"], row["task_version"])
    except (*MALFORMED_ROW, InrbenchError) as error:
        return f"whose protocol cannot be understood: {error}"
    return None if true == row["protocol_fingerprint"] else f"whose protocol has the fingerprint {true}, not the one in the row"


def _signal_error(row: Mapping[str, Any]) -> str | None:
    """Return what is wrong if a built-in signal differs from the one here: the row would hide runs of the true signal."""
    true = _signal_sha256(row["task"], row["task_version"], row["signal"])
    return f"whose signal {row['signal']} differs from the one here" if true not in (None, row["signal_sha256"]) else None


@cache
def _signal_sha256(task: str, version: str, signal: str) -> str | None:
    """Return the hash of a built-in signal; None for the user's own signals, or if the data are not on this machine."""
    known = _built_in(task, version)
    try:
        return known.signal_sha256(signal) if known and signal in known.signals() else None
    except InrbenchError:
        return None


@cache
def _built_in(task: str, version: str) -> Task | None:
    """Return a built-in task; None if there is no such task, or only a different version of it."""
    try:
        known = Registry().task(task)
    except InrbenchError:
        return None
    return known if known.version == version else None


def is_legacy(row: Mapping[str, Any]) -> bool:
    """Return whether a row was written before ids covered all columns. Its id cannot be checked."""
    return row["engine"] is None


def _identity_error(row: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the id of a row, or None if nothing is."""
    try:
        true = spec_of(with_defaults(row)).run_id
    except MALFORMED_ROW as error:
        return f"contains a run that cannot be understood: {error}"
    return None if true == row["run_id"] else f"contains run {row['run_id'][:10]}, whose columns are those of run {true[:10]}"


def name_mismatch(name: str, file: Path, table: pa.Table) -> str | None:
    """Return why the name of a file of the store does not match its content, or None if it does.

    Args:
        name: The current or future name of the file.
        file: The path of the file.
        table: The rows of the file.
    """
    if is_compacted(Path(name)):
        right = name == compacted_name(file.read_bytes())
        return None if right else "does not match its name: its content has a different digest"
    stored = table.select(SELECTION_COLUMNS).to_pylist()
    named = dict(zip(SELECTION_COLUMNS, name.split(".")[:-1], strict=False))
    return None if stored == [named] else "does not contain the attempt in its name"
