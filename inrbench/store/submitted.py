"""The methods of a results folder that were submitted by others, and which of their attempts were checked.

What the file says is the claim of those who made the folder.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inrbench.store.files import read_regular, write_atomically
from inrbench.store.read_guard import read_json

SUBMITTED = "submitted.json"
"""File of a results folder: hash of a method's code -> who submitted it, when it was accepted, and the attempts of which a
random sample was carried out again."""


def submitted_methods(results: Path) -> dict[str, dict[str, Any]]:
    """Return what is known of submitted methods by the hash of their code; nothing if the file is missing or damaged."""
    try:
        known = read_json(read_regular(results / SUBMITTED))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {str(code): facts for code, facts in known.items() if isinstance(facts, dict)}


def verified_attempts(results: Path) -> frozenset[str]:
    """Return the ids of the verified attempts of all submissions in a results folder."""
    lists = (facts.get("verified_attempts") for facts in submitted_methods(results).values())
    return frozenset(str(each) for attempts in lists if isinstance(attempts, list) for each in attempts)


def add_submission(results: Path, code: str, facts: Mapping[str, Any]) -> None:
    """Record that a submission was accepted. Raises StoreError if the file cannot be written.

    Args:
        results: The results folder.
        code: Hash of the method's code.
        facts: Who submitted it, when it was accepted, and the ids of its verified attempts.
    """
    known = {**submitted_methods(results), code: dict(facts)}
    write_atomically((json.dumps(known, indent=1, sort_keys=True) + "\n").encode(), results / SUBMITTED)
