"""Names and types of all stored columns.

A column that is added is nullable. A renamed column is listed in ``RENAMED_COLUMNS``. A changed type is a new version.

One attempt is one row in one file, with its metrics and its learning curve as nested lists. The rename that gives the file its
name commits all of it at once, so nothing can be half written.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from inrbench.spec import Protocol, RunResult, RunSpec, canonical_json
from inrbench.store.environment import Environment

VERSION = 1

METRIC = pa.struct(
    {
        "id": pa.string(),
        "value": pa.float64(),
        "unit": pa.string(),
        "higher_is_better": pa.bool_(),
        "scale": pa.string(),
        "note": pa.string(),
    }
)
CURVE_POINT = pa.struct(
    {
        "step": pa.int64(),
        "train_seconds": pa.float64(),
        "loss": pa.float64(),
        "lr": pa.float64(),
        "value": pa.float64(),
    }
)
PROBE = pa.struct({"probe": pa.string(), "step": pa.int64(), "name": pa.string(), "value": pa.float64()})
ARTIFACT = pa.struct({"name": pa.string(), "file": pa.string(), "bytes": pa.int64()})

IDENTITY = {
    "schema_version": pa.int16(),
    "run_id": pa.string(),
    "attempt_id": pa.string(),
    "task": pa.string(),
    "task_version": pa.string(),
    "signal": pa.string(),
    "signal_sha256": pa.string(),
    "method": pa.string(),
    "method_sha256": pa.string(),
    "plugin_origin": pa.string(),
    "params_json": pa.string(),
    "variant": pa.string(),
    "protocol": pa.string(),
    "protocol_fingerprint": pa.string(),
    "protocol_json": pa.string(),
    "seed": pa.int64(),
    "device_class": pa.string(),
    "engine": pa.string(),
    "track": pa.string(),
    "training_json": pa.string(),
}
OUTCOME = {
    "status": pa.string(),
    "error_type": pa.string(),
    "message": pa.string(),
    "traceback": pa.string(),
    "started_at": pa.timestamp("us", tz="UTC"),
    "finished_at": pa.timestamp("us", tz="UTC"),
    "error_share": pa.float64(),
    "trained": pa.bool_(),
    "notes": pa.list_(pa.string()),
    "primary_metric": pa.string(),
    "metrics": pa.list_(METRIC),
    "curve": pa.list_(CURVE_POINT),
    "probes": pa.list_(PROBE),
    "artifacts": pa.list_(ARTIFACT),
}
COST = {
    "data_seconds": pa.float64(),
    "compile_seconds": pa.float64(),
    "train_seconds": pa.float64(),
    "eval_seconds": pa.float64(),
    "wall_seconds": pa.float64(),
    "steps": pa.int64(),
    "points_seen": pa.int64(),
    "steps_per_second": pa.float64(),
    "flops_per_step": pa.float64(),
    "n_params": pa.int64(),
    "n_params_stored": pa.int64(),
    "n_params_deployed": pa.int64(),
    "model_bytes": pa.int64(),
    "host_peak_bytes": pa.int64(),
    "gpu_peak_allocated_bytes": pa.int64(),
    "gpu_peak_reserved_bytes": pa.int64(),
    "gpu_shared": pa.bool_(),
    "resumptions": pa.int32(),
    "compiled": pa.bool_(),
    "graphs": pa.int32(),
    "engine_note": pa.string(),
    "chunk_points": pa.int32(),
    "matmul_backend": pa.string(),
    "matmul_error": pa.float64(),
}
ENVIRONMENT = {
    "device": pa.string(),
    "device_name": pa.string(),
    "hardware_id": pa.string(),
    "cpu_model": pa.string(),
    "cores": pa.int32(),
    "memory_bytes": pa.int64(),
    "platform": pa.string(),
    "python": pa.string(),
    "torch": pa.string(),
    "inrbench": pa.string(),
    "code_commit": pa.string(),
    "code_dirty": pa.bool_(),
    "threads": pa.int32(),
    "jobs": pa.int32(),
    "matmul_precision": pa.string(),
    "tf32": pa.bool_(),
    "load_average": pa.float64(),
}

SCHEMA = pa.schema({**IDENTITY, **OUTCOME, **COST, **ENVIRONMENT})
RENAMED_COLUMNS = {"matmul_route": "matmul_backend"}
"""Columns of earlier versions -> current ones. Reading renames them."""
READ_SCHEMA = pa.schema([*SCHEMA, *(SCHEMA.field(new).with_name(old) for old, new in RENAMED_COLUMNS.items())])
MAX_TEXT = 8192
LEGACY_DEFAULTS = {"engine": "eager", "track": "paper", "training_json": "{}"}
"""Values of rows without these columns: the plain loop of the first version, with all methods trained alike."""


SELECTION_COLUMNS = ["run_id", "attempt_id", "status"]
"""Columns that decide which attempt of a run counts. The name of a single-attempt file contains their values."""
MALFORMED_ROW = (KeyError, ValueError, TypeError, AttributeError, RecursionError)
"""Exceptions that a row with invalid texts can raise."""


def new_attempt_id() -> str:
    """Return an id that sorts by time: 16 hexadecimal digits of nanoseconds and 8 random ones."""
    return f"{time.time_ns():016x}{secrets.token_hex(4)}"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try at a run, as it is stored."""

    result: RunResult
    protocol: Protocol
    plugin_origin: str
    environment: Environment
    started_at: datetime
    finished_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    attempt_id: str = field(default_factory=new_attempt_id)

    def row(self) -> dict[str, Any]:
        """Return the columns of SCHEMA. Non-finite floats stay as they are: Parquet can store them."""
        result, spec = self.result, self.result.spec
        return {
            "schema_version": VERSION,
            "run_id": spec.run_id,
            "attempt_id": self.attempt_id,
            **{name: value for name, value in asdict(spec).items() if name not in ("params", "training")},
            "params_json": canonical_json(dict(spec.params)),
            "training_json": canonical_json(dict(spec.training)),
            "plugin_origin": self.plugin_origin,
            "protocol_json": json.dumps(self.protocol.encoded(), sort_keys=True),
            "status": result.status,
            "error_type": result.error_type,
            "message": _text(result.message),
            "traceback": _text(result.traceback),
            "started_at": self.started_at,
            "finished_at": max(self.finished_at, self.started_at),
            "primary_metric": self.protocol.primary,
            "error_share": _number(result.error_share),
            "trained": result.trained,
            "notes": [_text(note) for note in result.notes],
            "metrics": [{**m.metric.stored(), "value": _number(m.value), "note": m.note} for m in result.metrics],
            "curve": [asdict(point) for point in result.curve],
            "probes": [asdict(reading) for reading in result.probes],
            "artifacts": [asdict(artifact) for artifact in result.artifacts],
            **asdict(result.cost),
            **asdict(self.environment),
        }

    def table(self) -> pa.Table:
        """Return the attempt as a table with one row."""
        return pa.Table.from_pylist([self.row()], schema=SCHEMA)


def with_defaults(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored row with values for the columns that earlier versions did not have."""
    return {**row, **{name: value for name, value in LEGACY_DEFAULTS.items() if row[name] is None}}


def spec_of(row: Mapping[str, Any]) -> RunSpec:
    """Return the run spec of a stored row with all columns of IDENTITY. Raises KeyError, ValueError or TypeError."""
    columns = (each.name for each in fields(RunSpec) if each.name not in ("params", "training"))
    params = {name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(row["params_json"]).items()}
    return RunSpec(**{name: row[name] for name in columns}, params=params, training=json.loads(row["training_json"] or "{}"))


def _number(value: float | None) -> float | None:
    """Return a number from a plugin as a float. It may be a scalar of any library."""
    return None if value is None else float(value)


def _text(text: str | None) -> str | None:
    """Return the end of a message from a plugin, as text that every file can store."""
    return None if text is None else text[-MAX_TEXT:].encode("utf-8", "replace").decode()
