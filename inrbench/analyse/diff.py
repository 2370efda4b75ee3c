"""Why two runs are two: the fields in which their identities differ."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from inrbench.spec import RunSpec
from inrbench.store import IDENTITY, read_runs

WHY = {
    "task_version": "the task means something else since",
    "signal_sha256": "the signal has another content",
    "method_sha256": "the method's file has been changed",
    "protocol_fingerprint": "the harness counts its edition differently",
    "device_class": "roundings differ from device to device",
    "engine": "steps are computed in another way",
    "track": "methods are trained by other rules",
}
"""What a field that differs says, where its name does not."""
NO_IDENTITY = frozenset({"variant", "protocol", "params", "training"})
"""Fields of a run that are names, or that are held by parts."""


@dataclass(frozen=True)
class Difference:
    """A field and its two values."""

    field: str
    ours: Any
    theirs: Any

    @property
    def why(self) -> str:
        """What that says, or nothing."""
        return WHY.get(self.field, "")


@dataclass(frozen=True)
class RelatedRun:
    """Another run of the same method on the same signal, as a stored row, and how it differs."""

    row: dict[str, Any]
    differences: tuple[Difference, ...]


def nearest_runs(row: Mapping[str, Any], results: Path) -> list[RelatedRun]:
    """Return the other runs of a stored run's method and signal in a results folder, those that differ least first."""
    table = read_runs(results, [*IDENTITY, "status", "finished_at"]).table
    same = (pc.equal(table[name], row[name]) for name in ("task", "signal", "method"))
    mask = pc.not_equal(table["run_id"], row["run_id"])
    for each in same:
        mask = pc.and_(mask, each)
    found = [RelatedRun(other, differences(row, other)) for other in table.filter(mask).to_pylist()]
    return sorted(found, key=lambda kin: (len(kin.differences), kin.row["finished_at"], kin.row["run_id"]))


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return the fields of identity in which two stored rows differ: parameters, protocol and training by their parts.

    The fingerprint of a protocol is named only where its fields do not explain that it differs.
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
    """Return what a run's id is made of, flat."""
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
    return flat | {f"{part} {name}": value for part, held in parts.items() for name, value in held.items()}
