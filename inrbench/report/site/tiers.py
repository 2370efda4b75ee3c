"""Which tables answer: protocols whose numbers may be cited come before smoke tests."""

from collections.abc import Sequence

from inrbench.analyse import Leaderboard
from inrbench.analyse.statistics import MIN_PAIRS
from inrbench.report.registered import is_present
from inrbench.spec import ProtocolLabel

CITABLE = ("standard", "paper")
"""Protocols whose tables may be cited, in order of preference for the answer."""
FULL = "paper"
"""The protocol of the full experiments, as their papers state them."""
SMOKE_TEST = "quick"


def tier(leaderboard: Leaderboard) -> str:
    """Return the protocol of a table without changes: ``standard``, ``paper``, ``quick`` or another name."""
    return ProtocolLabel.parse(leaderboard.group.protocol).name


def citable(leaderboard: Leaderboard) -> bool:
    """Return whether a table has a protocol that may be cited, without changes."""
    label = ProtocolLabel.parse(leaderboard.group.protocol)
    return label.name in CITABLE and not label.changes


def tier_order(leaderboard: Leaderboard) -> tuple[int, str]:
    """Return the sort key that puts tables that may be cited first, and smoke tests last."""
    name = tier(leaderboard)
    place = CITABLE.index(name) if citable(leaderboard) else len(CITABLE) + (name == SMOKE_TEST)
    return place, leaderboard.group.task


def chosen_tables(leaderboards: Sequence[Leaderboard]) -> list[Leaderboard]:
    """Return the table that answers for each task: of the best protocol, and then of the best track.

    A table of an earlier edition of a protocol answers only if there is none of the present edition. The track ``tuned`` is
    best if it has enough signals for a test; otherwise the track with the most signals.
    """
    found: dict[str, Leaderboard] = {}
    for leaderboard in leaderboards:
        group = leaderboard.group
        if not citable(leaderboard) or not leaderboard.metrics:
            continue
        known = found.get(group.task)
        if known is None or _preference(leaderboard) > _preference(known):
            found[group.task] = leaderboard
    return list(found.values())


def _preference(leaderboard: Leaderboard) -> tuple[int, bool, bool, int, int]:
    group = leaderboard.group
    tuned = group.track.startswith("tuned") and len(leaderboard.signals) >= MIN_PAIRS
    present = is_present(group.task, group.protocol, group.fingerprint)
    return -CITABLE.index(tier(leaderboard)), present, tuned, len(leaderboard.signals), len(leaderboard.seeds)
