"""Comparisons of methods as tables."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from tabulate import tabulate

from inrbench.analyse import Group
from inrbench.analyse.compare import Comparison
from inrbench.analyse.statistics import FEWEST_PAIRS, LEVEL, Interval
from inrbench.report import words
from inrbench.spec import Metric

HEADER = ("metric", "against", "mean", "its mean", "difference [95 %]", "better on", "p (Holm)", "")


def comparison_text(tables: Sequence[tuple[Group, list[Comparison]]], style: str) -> str:
    """Return one table a group, as ``plain``, ``markdown`` or ``json``."""
    if style == "json":
        return (
            json.dumps([{"group": words.title(g), "comparisons": [asdict(c) for c in found]} for g, found in tables], indent=1)
            + "\n"
        )
    bold = "**{}**" if style == "markdown" else "{}"
    layout = "pipe" if style == "markdown" else "simple"
    aligned = ("left", "left", *["right"] * (len(HEADER) - 3), "left")
    parts = []
    for group, found in tables:
        metrics = list(dict.fromkeys(c.metric for c in found))
        table = tabulate([_row(c, metrics) for c in found], HEADER, tablefmt=layout, colalign=aligned, disable_numparse=True)
        head = bold.format(f"{found[0].label} in {words.title(group)}")
        parts.append(f"{head}\n\n{table}\n\n{_caption(found)}\n")
    return "\n".join(parts)


def interval_text(interval: Interval, metric: Metric) -> str:
    """Return ``+0.50 [+0.20, +0.80]``; of a log scale a factor, ``x2.0 [x1.5, x2.7]``.

    >>> interval_text(Interval(0.30103, 0.0, 1.0), Metric(id="mse", higher_is_better=False, scale="log"))
    'x2.00 [x1.00, x10.0]'
    """

    def one(value: float) -> str:
        return f"x{10**value:#.3g}" if metric.scale == "log" else f"{value:+.4f}" if abs(value) < 0.1 else f"{value:+.2f}"

    ends = "" if interval.low is None or interval.high is None else f" [{one(interval.low)}, {one(interval.high)}]"
    return one(interval.mean) + ends


def _row(c: Comparison, metrics: list[Metric]) -> list[str]:
    log = c.metric.scale == "log"
    verdict = ""
    if c.p is not None:
        better = (c.difference.mean > 0) == c.metric.higher_is_better
        verdict = "cannot be told apart" if c.p >= LEVEL else "better" if better else "worse"
    return [
        words.metric_title(c.metric, metrics), c.other, words.number(c.means[0], log), words.number(c.means[1], log),
        interval_text(c.difference, c.metric), f"{c.wins}/{c.n_signals}", words.NONE if c.p is None else f"{c.p:.2g}", verdict,
    ]  # fmt: skip


def _caption(found: Sequence[Comparison]) -> str:
    n, seeds = found[0].n_signals, found[0].n_seeds
    unit = f"{n} signal(s), {seeds} seed(s) averaged first"
    tests = "paired bootstrap interval; Wilcoxon's signed-rank test, Holm over the others; x is a ratio of errors"
    few = "" if n >= FEWEST_PAIRS else f" Fewer than {FEWEST_PAIRS} signals cannot tell methods apart."
    return f"{unit}; {tests}.{few}"
