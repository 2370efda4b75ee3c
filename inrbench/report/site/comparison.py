"""The content of the page that compares any two methods: their scores on each signal of every table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inrbench.analyse import Leaderboard, scores_by_signal
from inrbench.analyse.statistics import LEVEL, MIN_PAIRS, RESAMPLES, bootstrap_quantiles, p_of_lead
from inrbench.report import formatting
from inrbench.report.site import urls
from inrbench.report.site.tiers import SMOKE_TEST, tier, tier_order

Array = NDArray[np.float64]
MOST = 60
"""Largest number of methods of a table for which all pairs get an interval; ``inrbench compare`` has no limit."""


@dataclass(frozen=True)
class Pictures:
    """The pictures of one signal of a table.

    Args:
        signal: Name of the signal.
        truth: Address of the picture of the truth; None if it was not kept.
        fits: Label of a row -> its name on the signal's page, and the address of its picture.
    """

    signal: str
    truth: str | None
    fits: dict[str, tuple[str, str]]


def add_pictures(known: dict[str, Pictures], view: Mapping[str, Any]) -> None:
    """Add the pictures of a signal to those of its tables: each table keeps the signal with the most pictures.

    Args:
        known: Address of a table -> its pictures; changed in place.
        view: The content of the signal's page.
    """
    pictured = [entry for entry in view["entries"] if entry["image"]]
    for table in dict.fromkeys(table for entry in pictured for table in entry["tables"]):
        fits = {entry["label"]: (entry["name"], entry["image"]) for entry in pictured if table in entry["tables"]}
        if table not in known or len(fits) > len(known[table].fits):
            known[table] = Pictures(view["signal"], view["viewer"]["truth"], fits)


def comparison_view(leaderboards: Sequence[Leaderboard], pictures: Mapping[str, Pictures]) -> dict[str, Any]:
    """Return the scores of all tables, from which the page computes the differences between two methods.

    Args:
        leaderboards: All leaderboards of the site.
        pictures: Address of a table -> pictures of one of its signals.
    """
    useful = [leaderboard for leaderboard in leaderboards if leaderboard.metrics and len(leaderboard.rows) > 1]
    tables = [
        _table(leaderboard, pictures.get(urls.leaderboard(leaderboard.group))) for leaderboard in sorted(useful, key=tier_order)
    ]
    return {
        "title": "Compare two methods",
        "labels": sorted({label for table in tables for label in table["labels"]}),
        "facts": {"least": MIN_PAIRS, "level": LEVEL, "tables": tables},
    }


def _table(leaderboard: Leaderboard, pictures: Pictures | None) -> dict[str, Any]:
    group, metric = leaderboard.group, leaderboard.metrics[0]
    scores = scores_by_signal(group, metric)
    labels, signals = [str(label) for label in scores.columns], [str(signal) for signal in scores.index]
    values = scores.to_numpy(dtype=float)
    return {
        "task": group.task,
        "protocol": group.protocol,
        "smoke": tier(leaderboard) == SMOKE_TEST,
        "track": group.track,
        "page": urls.leaderboard(group),
        "metric": formatting.metric_title(metric, [metric]),
        "log": metric.scale == "log",
        "higher": metric.higher_is_better,
        "digits": formatting.decimals(metric),
        "labels": labels,
        "signals": [{"name": name, "page": urls.signal_page(group.task, group.fingerprint, name)} for name in signals],
        "scores": [[_number(value) for value in column] for column in values.T],
        "pictures": asdict(pictures) if pictures else None,
        "intervals": paired_intervals(values) if len(signals) >= MIN_PAIRS and len(labels) <= MOST else {},
    }


def paired_intervals(scores: Array) -> dict[str, list[float]]:
    """Return, for each pair of methods with all signals, the 95 % bootstrap interval of their mean difference, and its p.

    They are those of ``inrbench compare`` for the two: the same signals are drawn, and the test is the same.

    Args:
        scores: One row per signal and one column per method.

    Returns:
        ``i-j`` -> ends of the interval of method i minus method j, and p, for i < j.
    """
    whole = [i for i in range(scores.shape[1]) if np.isfinite(scores[:, i]).all()]
    if len(whole) < 2:
        return {}
    means = _draws(len(scores)) @ scores[:, whole]
    ends = bootstrap_quantiles(len(scores))
    found = {}
    for place, i in enumerate(whole[:-1]):
        low, high = np.quantile(means[:, place : place + 1] - means[:, place + 1 :], ends, axis=0)
        for j, *both in zip(whole[place + 1 :], low, high, strict=True):
            p = p_of_lead(scores[:, i] - scores[:, j])
            found[f"{i}-{j}"] = [_number(each) or 0.0 for each in (*both, p)]
    return found


@cache
def _draws(n: int) -> Array:
    """Return how often each of ``n`` signals is in a resample, divided by ``n``: ``(RESAMPLES, n)``."""
    picks = np.random.default_rng(0).integers(n, size=(RESAMPLES, n))
    counts = np.zeros((RESAMPLES, n))
    np.add.at(counts, (np.arange(RESAMPLES)[:, None], picks), 1 / n)
    return counts


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
