"""Names that changed after results had been published, and the conversion of stored rows to the current names.

A column is renamed whenever it is read. Names inside values (metric ids, scales, tracks) are part of a protocol's fingerprint
and of a run's id. Only ``inrbench results migrate`` changes them, and it recomputes both. Measured numbers never change.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from inrbench.errors import InrbenchError
from inrbench.registry import Registry
from inrbench.spec import Protocol, ProtocolLabel
from inrbench.store.schema import RENAMED_COLUMNS

METRIC_IDS = {
    "psnr-between@2x-area": "psnr-offgrid@2x-area",
    "psnr-hidden@clip-float": "psnr-unobserved@clip-float",
    "snr-between@2x-bandlimited": "snr-offgrid@2x-bandlimited",
    "iou-between@random-100k": "iou-random@100k",
}
"""Metric ids of earlier versions -> current ones."""
SCALES = {"spread": "dispersion"}
"""Metric scales of earlier versions -> current ones."""
TRACKS = {"native": "authors"}
"""Tracks of earlier versions -> current ones."""

__all__ = ["METRIC_IDS", "RENAMED_COLUMNS", "SCALES", "TRACKS", "renamed_row"]


def renamed_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored row with the current names, and with the fingerprint that its protocol has under these names.

    The run id is not changed: the caller recomputes it. A row whose protocol has no renamed metric keeps its fingerprint.

    Raises:
        ValueError: The fingerprint does not belong to a protocol that is known here, so the new one cannot be computed.
    """
    protocol = json.loads(row["protocol_json"])
    metrics = [METRIC_IDS.get(name, name) for name in protocol["metrics"]]
    changed = metrics != list(protocol["metrics"])
    return {
        **row,
        "track": TRACKS.get(row["track"], row["track"]),
        "protocol_json": json.dumps({**protocol, "metrics": metrics}, sort_keys=True) if changed else row["protocol_json"],
        "protocol_fingerprint": _new_fingerprint(row) if changed else row["protocol_fingerprint"],
        "primary_metric": METRIC_IDS.get(row["primary_metric"], row["primary_metric"]),
        "metrics": [
            {**each, "id": METRIC_IDS.get(each["id"], each["id"]), "scale": SCALES.get(each["scale"], each["scale"])}
            for each in row["metrics"] or ()
        ],
    }


def _new_fingerprint(row: Mapping[str, Any]) -> str:
    """Return the current fingerprint of the protocol of a row whose metrics have been renamed."""
    new = _fingerprints(row["task"], row["task_version"], row["protocol"]).get(row["protocol_fingerprint"])
    if new is None:
        raise ValueError(f"no protocol of task '{row['task']}' has the fingerprint {row['protocol_fingerprint']}")
    return new


@cache
def _fingerprints(task: str, version: str, label: str) -> Mapping[str, str]:
    """Return a dict from old to new fingerprint for a protocol label such as ``quick+epochs=9``; empty if it is not known."""
    try:
        known = Registry().task(task)
        parsed = ProtocolLabel.parse(label)
        protocol = known.protocol(parsed.name, parsed.changes)
    except (InrbenchError, ValueError):
        return {}
    return {_with_old_ids(protocol).fingerprint(task, version): protocol.fingerprint(task, version)}


def _with_old_ids(protocol: Protocol) -> Protocol:
    """Return a protocol with the metric ids of earlier versions."""
    old = {new: before for before, new in METRIC_IDS.items()}
    return replace(protocol, metrics=tuple(old.get(name, name) for name in protocol.metrics))
