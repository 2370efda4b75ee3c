"""Comparisons of methods as tables."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from tabulate import tabulate

from inrbench.analyse import ComparableRuns
from inrbench.analyse.compare import Comparison
from inrbench.analyse.statistics import LEVEL, MIN_PAIRS
from inrbench.console import NONE
from inrbench.report import formatting
from inrbench.spec import Metric


def comparison_text(tables: Sequence[tuple[ComparableRuns, list[Comparison]]], style: str) -> str:
    """Return one table per group, as ``plain``, ``markdown`` or ``json``."""
    if style == "json":
        return (
            json.dumps(
                [{"group": formatting.title(g), "comparisons": [asdict(c) for c in found]} for g, found in tables], indent=1
            )
            + "\n"
        )
    bold = "**{}**" if style == "markdown" else "{}"
    layout = "pipe" if style == "markdown" else "simple"
    aligned = ("left", "left", *["right"] * 5, "left")
    parts = []
    for group, found in tables:
        metrics = list(dict.fromkeys(c.metric for c in found))
        label = found[0].label
        header = ("metric", "other", label, "other method", "difference [95 %]", f"{label} better on", "p", "result")
        table = tabulate([_row(c, metrics) for c in found], header, tablefmt=layout, colalign=aligned, disable_numparse=True)
        head = bold.format(f"{found[0].label} in {formatting.title(group)}")
        parts.append(f"{head}\n\n{table}\n\n{_caption(found)}\n")
    return "\n".join(parts)


def _row(c: Comparison, metrics: list[Metric]) -> list[str]:
    verdict = ""
    if c.p is not None:
        better = (c.difference.mean > 0) == c.metric.higher_is_better
        open_ = "no difference found" if c.decidable else "too few signals for tests of so many methods"
        verdict = open_ if c.p >= LEVEL else "better" if better else "worse"
    return [
        formatting.metric_title(c.metric, metrics) + (f", {c.signal}" if c.signal else ""),
        c.other,
        formatting.number(c.means[0], c.metric),
        formatting.number(c.means[1], c.metric),
        formatting.interval_text(c.difference, c.metric),
        f"{c.wins}/{c.n_seeds[0] if c.signal else c.n_signals}",
        NONE if c.p is None else f"{c.p:.2g}",
        verdict,
    ]


def _caption(found: Sequence[Comparison]) -> str:
    overall = [c for c in found if not c.signal]
    n = overall[0].n_signals
    signals = formatting.spread([c.n_signals for c in overall], "signal")
    seeds = formatting.spread([number for c in overall for number in c.n_seeds], "seed")
    unit = f"{signals} on which both trained, averaged over {seeds}"
    tests = "paired bootstrap interval over signals; Wilcoxon signed-rank test, Holm correction over the other methods"
    few = f"no interval over fewer than {MIN_PAIRS} signals: too few to distinguish methods"
    seedwise = "; a row with a signal name is for it alone: paired t interval and t-test over its seeds, Holm correction"
    rule = tests if n >= MIN_PAIRS else few + (seedwise if any(c.signal for c in found) else "")
    return f"{unit}; {rule}; values with x are ratios of errors."
