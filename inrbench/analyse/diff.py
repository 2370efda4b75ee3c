"""Explain why two runs are different runs: the fields in which their identities differ."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from inrbench.spec import RunSpec
from inrbench.store import IDENTITY, read_runs

WHY = {
    "task_version": "the definition of the task has changed",
    "signal_sha256": "the signal has different content",
    "method_sha256": "the method's file has been changed",
    "protocol_fingerprint": "the edition of the harness differs",
    "device_class": "rounding differs between devices",
    "engine": "steps are computed in a different way",
    "track": "methods are trained under different rules",
}
"""Explanation of a difference, for fields whose name does not explain it."""
NO_IDENTITY = frozenset({"variant", "protocol", "params", "training"})
"""Fields of a run that are only names, or that are compared part by part."""


@dataclass(frozen=True)
class Difference:
    """An identity field and its two values.

    Args:
        field: Name of the field.
        this: Value in the run itself.
        other: Value in the other run.
    """

    field: str
    this: Any
    other: Any

    @property
    def why(self) -> str:
        """Explanation of the difference; empty if the field's name explains it."""
        return WHY.get(self.field, "")


@dataclass(frozen=True)
class RelatedRun:
    """A different run of the same method on the same signal.

    Args:
        row: Stored row of the run.
        differences: Identity fields in which it differs.
    """

    row: dict[str, Any]
    differences: tuple[Difference, ...]


def nearest_runs(row: Mapping[str, Any], results: Path) -> list[RelatedRun]:
    """Return the other runs of a run's method and signal in a results folder, those that differ least first."""
    table = read_runs(results, [*IDENTITY, "status", "finished_at"]).table
    same = (pc.equal(table[name], row[name]) for name in ("task", "signal", "method"))
    mask = pc.not_equal(table["run_id"], row["run_id"])
    for each in same:
        mask = pc.and_(mask, each)
    found = [RelatedRun(other, differences(row, other)) for other in table.filter(mask).to_pylist()]
    return sorted(found, key=lambda run: (len(run.differences), run.row["finished_at"], run.row["run_id"]))


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return the identity fields in which two stored rows differ; parameters, protocol and training are split into parts.

    The fingerprint of a protocol is listed only if no other field explains why it differs.
    """
    ours_flat, theirs_flat = _identity(ours), _identity(theirs)
    found = [
        Difference(name, ours_flat.get(name), theirs_flat.get(name))
        for name in dict.fromkeys([*ours_flat, *theirs_flat])
        if ours_flat.get(name) != theirs_flat.get(name)
    ]
    explained = any(each.field.startswith("protocol ") or each.field == "task_version" for each in found)
    return tuple(each for each in found if not (explained and each.field == "protocol_fingerprint"))


def _identity(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that determine a run id, as a flat dictionary."""
    flat = {each.name: row[each.name] for each in fields(RunSpec) if each.name not in NO_IDENTITY}
    flat |= {"engine": row["engine"] or "fast", "track": row["track"] or "paper"}
    protocol = json.loads(row["protocol_json"])
    settings = protocol.pop("settings")
    for name in ("name", "sources"):
        del protocol[name]
    parts = {
        "parameter": json.loads(row["params_json"]),
        "training": json.loads(row["training_json"] or "{}"),
        "protocol": {**protocol, **settings},
    }
    return flat | {f"{part} {name}": value for part, values in parts.items() for name, value in values.items()}
