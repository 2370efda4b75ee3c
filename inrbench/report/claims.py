"""Verdicts on claims as tables, and the tables of a paper next to the measured values."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from tabulate import tabulate

from inrbench.analyse.claims import Claim
from inrbench.analyse.verdicts import Verdict, VerdictName
from inrbench.console import NONE

HEADER = ("item", "column", "method", "printed", "measured", "95 % prediction interval", "verdict", "note")


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return the count of each verdict, ``90 claims: 4 consistent, 2 not reproduced, 84 not run``."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    what = "claim" if len(verdicts) == 1 else "claims"
    return f"{len(verdicts)} {what}: " + ", ".join(f"{counts[o]} {o}" for o in get_args(VerdictName) if counts[o])


def verdict_text(paper: str, verdicts: Sequence[Verdict], style: str) -> str:
    """Return the verdicts on a paper's claims as a table with a summary.

    Args:
        paper: Name of the paper, for the head.
        verdicts: The verdicts, one per line of the table.
        style: ``plain``, ``markdown`` or ``json``.
    """
    if style == "json":
        values = [
            {
                "item": v.claim.item,
                "source": v.claim.source,
                "metric": v.claim.metric,
                "task": v.claim.task,
                "protocol": v.claim.protocol,
                "signals": v.claim.signals,
                "row": v.label,
                "claimed": v.claimed,
                "verdict": v.outcome,
                "seeds": v.n_seeds,
                "measured": v.measured,
                "found": v.found or None,
                "low": v.low,
                "high": v.high,
                "note": v.note,
                "evidence": v.claim.evidence,
                "runs": v.runs,
            }
            for v in verdicts
        ]
        return json.dumps({"paper": paper, "claims": values}, indent=1) + "\n"
    layout = "pipe" if style == "markdown" else "simple"
    aligned = ("left", "left", "left", "right", "right", "right", "left", "left")
    rows = [
        (
            v.claim.item,
            v.claim.column or v.claim.metric,
            v.label,
            v.claimed,
            measured_text(v),
            interval_text(v),
            v.text,
            v.note,
        )
        for v in verdicts
    ]
    head = f"**{paper}**: {summary(verdicts)}." if style == "markdown" else f"{paper}: {summary(verdicts)}."
    return f"{head}\n\n{tabulate(rows, HEADER, tablefmt=layout, colalign=aligned, disable_numparse=True)}\n"


def counts_by_item(paper: str, verdicts: Sequence[Verdict], style: str) -> str:
    """Return a table of the number of claims per item and verdict.

    Args:
        paper: Name of the paper, for the head.
        verdicts: The verdicts to count.
        style: ``plain`` or ``markdown``.
    """
    outcomes = [outcome for outcome in get_args(VerdictName) if any(v.outcome == outcome for v in verdicts)]
    rows = []
    for item in dict.fromkeys(v.claim.item for v in verdicts):
        counts = Counter(v.outcome for v in verdicts if v.claim.item == item)
        rows.append([item, *(counts[outcome] or "" for outcome in outcomes)])
    total = Counter(v.outcome for v in verdicts)
    rows.append(["all", *(total[outcome] for outcome in outcomes)])
    layout = "pipe" if style == "markdown" else "simple"
    return tabulate(rows, (paper, *outcomes), tablefmt=layout, colalign=("left", *["right"] * len(outcomes))) + "\n"


def side_by_side(item: str, verdicts: Sequence[Verdict]) -> str:
    """Return an item in the layout of the paper, with each cell as ``paper -> measured``.

    There is one row per method and one column per block of claims. Bounds and orderings, which are not numbers of a table,
    follow as lines.
    """
    cells = {(v.label, v.claim.source): v for v in verdicts if v.claim.kind == "value"}
    lines = [f"{v.claim.source}: claimed {v.label} {v.claimed}; {_told(v)}" for v in verdicts if v.claim.kind != "value"]
    parts = [item]
    if cells:
        columns = list(dict.fromkeys(v.claim.source for v in cells.values()))
        heads = {v.claim.source: v.claim.column for v in cells.values()}
        rows = [
            [label, *(_cell(cells.get((label, column))) for column in columns)]
            for label in dict.fromkeys(v.label for v in cells.values())
        ]
        parts.append(tabulate(rows, ["", *(heads[c] for c in columns)], tablefmt="simple", disable_numparse=True))
        parts.append("paper -> measured; = reproduced or consistent, ! not reproduced, ~ protocol differs, ? protocol guessed")
    return "\n\n".join([*parts, *lines]) + "\n"


def evidence(claims: Sequence[Claim]) -> list[str]:
    """Return the distinct statements on how certain the conditions of the claims are."""
    return list(dict.fromkeys(claim.evidence for claim in claims if claim.evidence))


def measured_text(verdict: Verdict) -> str:
    """Return the measured number with about as many digits as a paper would print, or the place that was found."""
    return verdict.found or NONE if verdict.measured is None else _short(verdict.measured)


def _short(value: float) -> str:
    return f"{value:.2e}" if value and not 1e-2 <= abs(value) < 1e5 else f"{value:.4g}"


def interval_text(verdict: Verdict) -> str:
    """Return the prediction interval for one more run of the measured method."""
    if verdict.low is None or verdict.high is None:
        return NONE
    return f"{_short(verdict.low)} .. {_short(verdict.high)}"


SIGNS: dict[VerdictName, str] = {
    "reproduced": "=",
    "consistent": "=",
    "bound holds": "=",
    "both fail": "both fail",
    "not reproduced": "!",
    "incomplete": "incomplete",
    "protocol differs": "~",
    "protocol guessed": "?",
    "not run": "",
}


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    known = verdict.measured is not None or verdict.found
    ours = measured_text(verdict) if known else "failed" if verdict.outcome == "not reproduced" else NONE
    return f"{verdict.claimed} -> {ours} {SIGNS[verdict.outcome]}".rstrip()


def _told(verdict: Verdict) -> str:
    number = f" {measured_text(verdict)}" if verdict.measured is not None or verdict.found else ""
    return f"{verdict.text}{number}" + (f" ({verdict.note})" if verdict.note else "")
