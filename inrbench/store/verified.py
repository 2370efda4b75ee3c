"""The methods of a results folder that were submitted by others, and whose runs were carried out again before acceptance."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inrbench.store.files import read_regular, write_atomically
from inrbench.store.read_guard import read_json

VERIFIED = "verified.json"
"""File of a results folder: hash of a method's code -> who submitted it, when it was verified, and the ids of its runs."""


def verified_methods(results: Path) -> dict[str, dict[str, Any]]:
    """Return what is known of the verified methods by the hash of their code; nothing if the file is missing or damaged."""
    try:
        known = read_json(read_regular(results / VERIFIED))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {str(code): facts for code, facts in known.items() if isinstance(facts, dict)}


def verified_runs(results: Path) -> frozenset[str]:
    """Return the ids of the runs of all verified submissions in a results folder."""
    lists = (facts.get("runs") for facts in verified_methods(results).values())
    return frozenset(str(run) for runs in lists if isinstance(runs, list) for run in runs)


def add_verified(results: Path, code: str, facts: Mapping[str, Any]) -> None:
    """Record that a method was verified. Raises StoreError if the file cannot be written.

    Args:
        results: The results folder.
        code: Hash of the method's code.
        facts: Who submitted it, when it was verified, and the ids of its runs.
    """
    known = {**verified_methods(results), code: dict(facts)}
    write_atomically((json.dumps(known, indent=1, sort_keys=True) + "\n").encode(), results / VERIFIED)
