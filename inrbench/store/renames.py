"""Names that changed after results had been published, and how a stored row is brought to today's names.

A column is renamed whenever it is read. Names inside values (metric ids, scales, tracks) are part of a protocol's fingerprint
and of a run's id: they change only by ``inrbench results migrate``, which recomputes both. Measured numbers never change.
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
"""Metric ids of earlier versions -> today's."""
SCALES = {"spread": "dispersion"}
"""Scales of metrics of earlier versions -> today's."""
TRACKS = {"native": "authors"}
"""Tracks of earlier versions -> today's."""

__all__ = ["METRIC_IDS", "RENAMED_COLUMNS", "SCALES", "TRACKS", "renamed_row"]


def renamed_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored row with today's names, and with the fingerprint of its protocol under these names.

    The run id is left for the caller to work out. A row whose protocol names no renamed metric keeps its fingerprint.

    Raises:
        ValueError: The fingerprint belongs to no protocol that is known here, so that the new one cannot be worked out.
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
    """Return the fingerprint of the protocol that a row was run under, whose metrics have other ids today."""
    new = _fingerprints(row["task"], row["task_version"], row["protocol"]).get(row["protocol_fingerprint"])
    if new is None:
        raise ValueError(f"no protocol of task '{row['task']}' has the fingerprint {row['protocol_fingerprint']}")
    return new


@cache
def _fingerprints(task: str, version: str, label: str) -> Mapping[str, str]:
    """Return old fingerprint -> new one of the protocol of a label, ``quick+epochs=9``; nothing where it is not known."""
    try:
        known = Registry().task(task)
        parsed = ProtocolLabel.parse(label)
        protocol = known.protocol(parsed.name, parsed.changes)
    except (InrbenchError, ValueError):
        return {}
    return {_with_old_ids(protocol).fingerprint(task, version): protocol.fingerprint(task, version)}


def _with_old_ids(protocol: Protocol) -> Protocol:
    """Return a protocol as earlier versions named its metrics."""
    old = {new: before for before, new in METRIC_IDS.items()}
    return replace(protocol, metrics=tuple(old.get(name, name) for name in protocol.metrics))
