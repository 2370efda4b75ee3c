"""Addresses of pages: short, safe in every file system, and unique."""

import hashlib
import re

from inrbench.analyse import ComparableRuns
from inrbench.spec import MethodLabel

LONGEST = 60
JOINT = "__"


def slug(*parts: str) -> str:
    """Return a file name for parts of any text; a hash distinguishes names that had to be changed or shortened.

    >>> slug("kodak", "quick"), slug("msa[s_max=3.0]")
    ('kodak__quick', 'msa_s_max_3.0_-7a92c1fb')
    """
    text = JOINT.join(parts)
    safe = re.sub(r"[^a-z0-9_.+-]", "_", text.lower()).strip(".")[:LONGEST]
    if safe == text and not any(JOINT in part for part in parts):
        return safe
    return f"{safe}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:8]}"


def table_page(task: str, fingerprint: str) -> str:
    """Return the address of the page of a task under a protocol."""
    return f"tables/{slug(task, fingerprint)}.html"


def leaderboard_anchor(group: ComparableRuns) -> str:
    """Return the anchor of one table on the page of its task."""
    return slug(group.track, group.device_class, group.engine)


def leaderboard(group: ComparableRuns) -> str:
    """Return the address of one table on the page of its task."""
    return f"{table_page(group.task, group.fingerprint)}#{leaderboard_anchor(group)}"


def runs_page(group: ComparableRuns, label: str) -> str:
    """Return the address of the page of the runs behind a row of a table."""
    return f"runs/{slug(group.task, group.fingerprint, group.track, group.device_class, group.engine, label)}.html"


def signal_page(task: str, fingerprint: str, signal: str) -> str:
    """Return the address of the page of a signal under a protocol.

    Args:
        task: Name of the task.
        fingerprint: Fingerprint of the protocol.
        signal: Name of the signal.
    """
    return f"signals/{slug(task, fingerprint, signal)}.html"


def method_of(label: str) -> str:
    """Return the method of a row: ``msa`` of ``msa[s_max=3.0]``."""
    return MethodLabel.parse(label).method


def method_page(method: str) -> str:
    """Return the address of the page of a method."""
    return f"methods/{slug(method)}.html"


def paper_page(short: str) -> str:
    """Return the address of the page of a paper's claims."""
    return f"papers/{slug(short)}.html"
