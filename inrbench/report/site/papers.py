"""The content of the pages on papers' claims, and their summary on the home page."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from inrbench.analyse import Leaderboard
from inrbench.analyse.claims import Claim, claims_of
from inrbench.analyse.papers import bibtex, papers
from inrbench.analyse.verdicts import Verdict, VerdictName, evaluate_claims
from inrbench.registry import Registry
from inrbench.report.claims import interval_text, measured_text
from inrbench.report.formatting import counted
from inrbench.report.site import urls

OUTCOMES = get_args(VerdictName)
TESTED: tuple[VerdictName, ...] = ("reproduced", "consistent", "bound holds", "both fail", "not reproduced")
"""Outcomes of statements that were tested under the conditions of their paper."""
UNDER = "under its conditions"


def paper_views(leaderboards: Sequence[Leaderboard], registry: Registry) -> Iterator[dict[str, Any]]:
    """Yield the page content of each paper that has claims."""
    groups = [leaderboard.group for leaderboard in leaderboards]
    where = {
        run_id: f"{urls.runs_page(group, label)}#{run_id}"
        for group in groups
        for run_id, label in zip(group.runs["run_id"], group.runs["label"], strict=True)
    }
    for key, facts in papers().items():
        if "claims" not in facts:
            continue
        verdicts = evaluate_claims(claims_of(key, registry), groups, registry)
        short = facts.get("short", key)
        rows = [
            {
                "item": v.claim.item,
                "signals": ", ".join(v.claim.signals),
                "task": v.claim.task,
                "source": v.claim.source,
                "label": v.label,
                "claimed": v.claimed,
                "measured": measured_text(v),
                "interval": interval_text(v),
                "outcome": v.outcome,
                "verdict": v.text,
                "note": v.note,
                "runs": [where[run] for run in v.runs if run in where],
            }
            for v in verdicts
        ]
        by_item = {
            item: Counter(v.outcome for v in verdicts if v.claim.item == item)
            for item in dict.fromkeys(v.claim.item for v in verdicts)
        }
        yield {
            "title": facts["paper"]["title"],
            "short": short,
            "authors": facts["paper"]["authors"],
            "bibtex": bibtex(key),
            "link": paper_link(facts["paper"]),
            "outcomes": OUTCOMES,
            "groups": [
                {
                    "title": item_title(item),
                    "tasks": ", ".join(dict.fromkeys(v.claim.task for v in verdicts if v.claim.item == item)),
                    "counts": [counts[outcome] for outcome in OUTCOMES],
                    "sources": _by_source([row for row in rows if row["item"] == item]),
                    "caveats": _caveats([v.claim for v in verdicts if v.claim.item == item]),
                }
                for item, counts in by_item.items()
            ],
            "page": urls.paper_page(short),
            "summary": _summary(verdicts),
            "total": [sum(counts[outcome] for counts in by_item.values()) for outcome in OUTCOMES],
        }


def _summary(verdicts: Sequence[Verdict]) -> str:
    """Return how many statements of a paper were tested under its conditions, and with which outcome."""
    counts = Counter(v.outcome for v in verdicts if v.outcome in TESTED)
    found = ", ".join(f"{counts[outcome]} {outcome}" for outcome in TESTED if counts[outcome])
    verb = "has" if counts.total() == 1 else "have"
    tested = f"{counts.total()} {verb} been tested {UNDER} ({found})" if counts else f"none has been tested {UNDER}"
    return f"Of {counted(len(verdicts), 'statement')}, {tested}."


def _by_source(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of an item of a paper by the column that the paper printed."""
    return [
        {"source": source, "rows": [row for row in rows if row["source"] == source]}
        for source in dict.fromkeys(row["source"] for row in rows)
    ]


def _caveats(claims: Sequence[Claim]) -> list[str]:
    """Return what is not certain about the conditions of claims."""
    return [
        text.rstrip(".") for text in dict.fromkeys(text for claim in claims for text in (claim.guessed, claim.evidence)) if text
    ]


def item_title(item: str) -> str:
    """Return the name of a table or figure as a heading.

    >>> item_title("table1"), item_title("figure2a"), item_title("project page")
    ('Table 1', 'Figure 2a', 'Project page')
    """
    spaced = re.sub(r"^([a-z]+)(\d)", r"\1 \2", item)
    return spaced[:1].upper() + spaced[1:]


def title_and_link(key: str | None) -> tuple[str, str]:
    """Return the title and the address of a paper by its key; two empty texts if it is not known."""
    paper = papers()[key]["paper"] if key in papers() else {}
    return paper.get("title", ""), paper_link(paper)


def paper_link(paper: Mapping[str, Any]) -> str:
    """Return the address of a paper: by its DOI, or on arXiv; "" if neither is known."""
    if paper.get("doi"):
        return f"https://doi.org/{paper['doi']}"
    number = paper.get("eprint") or paper.get("arxiv")
    return f"https://arxiv.org/abs/{number}" if number else ""
