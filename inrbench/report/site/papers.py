"""What stands on the page of a paper's claims, and on the home page about them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from inrbench.analyse import Board
from inrbench.analyse.claims import claims_of
from inrbench.analyse.papers import bibtex, papers
from inrbench.analyse.verdicts import Outcome, judge
from inrbench.registry import Registry
from inrbench.report.site import names
from inrbench.report.verdicts import interval_text, measured_text

OUTCOMES = get_args(Outcome)


def paper_views(boards: Sequence[Board], registry: Registry) -> Iterator[dict[str, Any]]:
    """Yield the page of each paper that has claims."""
    groups = [board.group for board in boards]
    where = {
        run_id: f"{names.runs_page(group, label)}#{run_id}"
        for group in groups for run_id, label in zip(group.runs["run_id"], group.runs["label"], strict=True)
    }  # fmt: skip
    for key, facts in papers().items():
        if "claims" not in facts:
            continue
        verdicts = judge(claims_of(key, registry), groups, registry)
        short = facts.get("short", key)
        rows = [{
            "item": v.block.item, "source": v.block.source, "label": v.label, "claimed": v.claimed,
            "measured": measured_text(v), "interval": interval_text(v), "outcome": v.outcome, "words": v.words, "note": v.note,
            "runs": [where[run] for run in v.runs if run in where],
        } for v in verdicts]  # fmt: skip
        by_item = {
            item: Counter(v.outcome for v in verdicts if v.block.item == item)
            for item in dict.fromkeys(v.block.item for v in verdicts)
        }
        yield {
            "title": facts["paper"]["title"], "short": short, "authors": facts["paper"]["authors"], "bibtex": bibtex(key),
            "outcomes": OUTCOMES, "rows": rows, "page": names.paper_page(short),
            "counts": [(item, [counts[outcome] for outcome in OUTCOMES]) for item, counts in by_item.items()],
            "total": [sum(counts[outcome] for counts in by_item.values()) for outcome in OUTCOMES],
        }  # fmt: skip
