"""The regression check: whether new runs match published ones, and whether claims hold.

It checks quality; time is checked only as a ratio within one job. A run is compared with the published run of the same method,
signal, seed, protocol and device class. It may differ by as much as a different seed would: rounding differs between machines,
and training amplifies it. A change for the better counts as a difference as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from inrbench.analyse.runs import ComparableRuns, measured, metrics_of
from inrbench.analyse.statistics import CONFIDENCE
from inrbench.analyse.verdicts import Verdict
from inrbench.spec import Metric

COLUMNS = ("status", "metrics", "train_seconds", "message")
CHECK_CONFIDENCE = 1 - (1 - CONFIDENCE) / 50
"""Confidence level of one comparison, 99.9 %: a regression check makes many comparisons, and any of them can fail it."""
CheckStatus = Literal["holds", "failed", "not compared"]
KEY = ["label", "signal", "seed"]


@dataclass(frozen=True)
class RegressionCheck:
    """One comparison of the regression check.

    Args:
        about: What is compared: task/signal, method, seed, metric.
        outcome: ``holds``, ``failed`` or ``not compared``.
        message: The numbers behind the outcome, as text.
    """

    about: str
    outcome: CheckStatus
    message: str


def check_quality(new: Sequence[ComparableRuns], published: Sequence[ComparableRuns]) -> list[RegressionCheck]:
    """Return a check for each metric of each new run that was published, and for each run that was ok and no longer is."""
    earlier = {(g.task, g.fingerprint, g.device_class, g.engine, g.track): g for g in published}
    checks: list[RegressionCheck] = []
    for group in new:
        known = earlier.get((group.task, group.fingerprint, group.device_class, group.engine, group.track))
        if known is not None:
            checks += _check_group(group, known)
    return checks


def check_claims(verdicts: Sequence[Verdict]) -> list[RegressionCheck]:
    """Return a check for each verdict; a claim that was not measured under the paper's conditions is not compared."""
    outcomes: dict[str, CheckStatus] = {
        "reproduced": "holds",
        "consistent": "holds",
        "bound holds": "holds",
        "not reproduced": "failed",
    }
    return [
        RegressionCheck(
            f"{v.claim.item} {v.claim.source}, {v.label}",
            outcomes.get(v.outcome, "not compared"),
            f"claimed {v.claimed}, measured {'nothing' if v.measured is None else format(v.measured, '.4g')}, {v.outcome}",
        )
        for v in verdicts
    ]


def check_speed(groups: Sequence[ComparableRuns], largest_ratio: float) -> list[RegressionCheck]:
    """Return a check for each method that was run with both engines: the ratio of training times, fast / reference."""
    checks = []
    by_place: dict[tuple[str, str, str, str], dict[str, ComparableRuns]] = {}
    for group in groups:
        by_place.setdefault((group.task, group.fingerprint, group.device_class, group.track), {})[group.engine] = group
    for (task, fingerprint, *_), engines in by_place.items():
        if {"fast", "reference"} <= engines.keys():
            fast, reference = (_ok(engines[name]).set_index(KEY)["train_seconds"] for name in ("fast", "reference"))
            ratios = (fast / reference).dropna().groupby("label").median()
            for label, ratio in ratios.items():
                checks.append(
                    RegressionCheck(
                        f"{task} ({fingerprint}), {label}, speed",
                        "holds" if ratio <= largest_ratio else "failed",
                        f"fast / reference {ratio:.2f}, at most {largest_ratio:g} allowed",
                    )
                )
    return checks


def _check_group(group: ComparableRuns, known: ComparableRuns) -> Iterator[RegressionCheck]:
    metrics = metrics_of(known.runs)
    spreads = {metric.id: _spread(known, metric) for metric in metrics}
    was = {tuple(row[name] for name in KEY): row for row in _ok(known).to_dict("records")}
    for row in group.runs.to_dict("records"):
        before = was.get(tuple(row[name] for name in KEY))
        if before is None:
            continue
        about = f"{group.task}/{row['signal']} ({group.fingerprint}), {row['label']}, seed {row['seed']}"
        if row["status"] != "ok":
            yield RegressionCheck(about, "failed", f"published ok, now {row['status']}: {row['message']}")
            continue
        for metric in metrics:
            a, b = _value(row, metric), _value(before, metric)
            if b is not None and metric.scale != "dispersion":
                yield _compare(f"{about}, {metric.id}", a, b, metric, spreads[metric.id], _note(row, metric))


def _compare(about: str, new: float | None, old: float, metric: Metric, tolerance: float | None, note: str) -> RegressionCheck:
    if new is None:  # without its data set a metric cannot be compared
        outcome: CheckStatus = "not compared" if note.startswith("data missing") else "failed"
        return RegressionCheck(about, outcome, f"published {metric.from_scale(old):.4g}, now missing: {note}")
    text = f"published {metric.from_scale(old):.4g}, now {metric.from_scale(new):.4g}"
    if tolerance is None:
        return RegressionCheck(about, "not compared", f"{text}; no published runs show how much seeds differ")
    allowed = f"a factor of {10**tolerance:.3g}" if metric.scale == "log" else f"{tolerance:.3g}"
    holds = abs(new - old) <= tolerance
    return RegressionCheck(about, "holds" if holds else "failed", f"{text}, may differ by {allowed}")


def _spread(group: ComparableRuns, metric: Metric) -> float | None:
    """Return how much two seeds may differ, from the pooled variance over the seeds of each (method, signal)."""
    rows = [(r["label"], r["signal"], v) for r in _ok(group).to_dict("records") if (v := _value(r, metric)) is not None]
    cells = pd.DataFrame(rows, columns=["label", "signal", "value"]).groupby(["label", "signal"])["value"]
    freedom = int((cells.count() - 1).sum())
    if freedom < 1:
        return None
    pooled = float((cells.var(ddof=0) * cells.count()).sum() / freedom)
    return float(stdtrit(freedom, (1 + CHECK_CONFIDENCE) / 2) * np.sqrt(2 * pooled))


def _ok(group: ComparableRuns) -> pd.DataFrame:
    return group.runs[group.runs["status"] == "ok"]


def _value(row: Mapping[Any, Any], metric: Metric) -> float | None:
    value = measured(row["metrics"], metric.id)
    return None if value is None else metric.to_scale(value)


def _note(row: Mapping[Any, Any], metric: Metric) -> str:
    return next((item["note"] or "" for item in row["metrics"] if item["id"] == metric.id), "not measured")
