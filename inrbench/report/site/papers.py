"""The content of the pages on papers' claims, and their summary on the home page."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from inrbench.analyse import Leaderboard
from inrbench.analyse.claims import claims_of
from inrbench.analyse.papers import bibtex, papers
from inrbench.analyse.verdicts import VerdictName, evaluate_claims
from inrbench.registry import Registry
from inrbench.report.claims import interval_text, measured_text
from inrbench.report.site import urls

OUTCOMES = get_args(VerdictName)


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
            "outcomes": OUTCOMES,
            "rows": rows,
            "page": urls.paper_page(short),
            "counts": [(item, [counts[outcome] for outcome in OUTCOMES]) for item, counts in by_item.items()],
            "total": [sum(counts[outcome] for counts in by_item.values()) for outcome in OUTCOMES],
        }
