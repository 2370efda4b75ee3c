"""The measured numbers that a claim is compared with: the values of a method, their spread, and the order of methods."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from inrbench.analyse.claims import SECONDS, Claim
from inrbench.analyse.runs import ComparableRuns, measured
from inrbench.analyse.statistics import CONFIDENCE
from inrbench.spec import MethodLabel, Metric


@dataclass(frozen=True)
class Found:
    """A method's values, one per (signal, seed); log10 values for a metric on a log scale."""

    values: pd.DataFrame
    runs: tuple[str, ...]
    failed: int
    group: ComparableRuns

    def by_seed(self, signals: Sequence[str]) -> "pd.Series[float]":
        """Return the mean over signals for each seed that has all of them."""
        table = self.values.pivot_table(index="seed", columns="signal", values="value").reindex(columns=list(signals))
        return table.dropna().mean(axis=1)

    def mean(self, signals: Sequence[str]) -> float:
        """Return the mean over signals of the means over seeds, as in the leaderboards; NaN if a signal is missing."""
        return float(self.values.groupby("signal")["value"].mean().reindex(list(signals)).mean(skipna=False))


def look_up(claim: Claim, metric: Metric, label: str, groups: Sequence[ComparableRuns]) -> Found | None:
    """Return the values of a method in the group with most of its runs, or None if no group has any.

    Args:
        claim: The claim, whose signals are read.
        metric: Metric to read.
        label: The method.
        groups: The groups to look in.
    """
    best: Found | None = None
    for group in groups:
        runs = group.runs[(group.runs["label"] == label) & group.runs["signal"].isin(claim.signals)]
        rows, ids, failed = [], [], 0
        for run in runs.itertuples(index=False):
            value = _value(claim, run) if run.status == "ok" else None
            if value is None:
                failed += run.status not in ("ok", "skipped")
                continue
            rows.append((run.signal, run.seed, metric.to_scale(value)))
            ids.append(run.run_id)
        found = Found(pd.DataFrame(rows, columns=["signal", "seed", "value"]), tuple(ids), failed, group)
        if (rows or failed) and (best is None or len(rows) > len(best.values)):
            best = found
    return best


def _value(claim: Claim, run: tuple[object, ...]) -> float | None:
    """Return a run's value of the claim's metric."""
    if claim.metric == SECONDS.id:
        seconds = float(run.train_seconds)  # type: ignore[attr-defined]
        return None if math.isnan(seconds) else seconds
    if claim.probe is None:
        return measured(run.metrics, claim.metric)  # type: ignore[attr-defined]
    name = claim.metric.partition("/")[2]
    readings = {
        reading["step"]: reading["value"]
        for reading in (run.probes if run.probes is not None else ())  # type: ignore[attr-defined]
        if reading["probe"] == claim.probe and reading["name"] == name
    }
    if not readings:
        return None
    if claim.at_step is None:
        label = str(run.label)  # type: ignore[attr-defined]
        summary = np.min if label in claim.above else np.max if label in claim.below else np.mean
        return float(summary(list(readings.values())))
    return float(readings[min(readings, key=lambda step: abs(step - (claim.at_step or 0)))])


def seed_spread(by_seed: "pd.Series[float]", claim: Claim, metric: Metric, group: ComparableRuns) -> float | None:
    """Return half the width of the prediction interval for one more seed; None if no spread is known.

    Args:
        by_seed: The method's mean over signals for each seed.
        claim: The claim.
        metric: Metric of the claim.
        group: The group of the method; with one seed, the spread is that of its other methods.
    """
    n, mean = len(by_seed), float(by_seed.mean())
    squares, freedom = float(((by_seed - mean) ** 2).sum()), n - 1
    if not freedom:
        for label in group.runs["label"].unique():
            other = look_up(claim, metric, label, [group])
            if other is not None and len(values := other.by_seed(claim.signals)) > 1:
                squares += float(((values - values.mean()) ** 2).sum())
                freedom += len(values) - 1
    if not freedom:
        return None
    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2) * np.sqrt(squares / freedom * (1 + 1 / n)))


@dataclass(frozen=True)
class Order:
    """The scores of the methods that a claim compares, in one group.

    Args:
        scores: One row per signal and one column per method: means over seeds; log10 values for a metric on a log scale.
        by_seed: Method -> its scores, one row per seed and one column per signal.
        group: The group.
        runs: Ids of the runs.
        n_seeds: Smallest number of seeds that a method has on a signal.
    """

    scores: pd.DataFrame
    by_seed: Mapping[str, pd.DataFrame]
    group: ComparableRuns
    runs: tuple[str, ...]
    n_seeds: int

    def agreeing_seeds(self, claim: Claim, metric: Metric) -> tuple[int, int]:
        """Return in how many seeds the order is as claimed, and the number of seeds in which all methods have all signals."""
        tables = {label: table.reindex(columns=list(claim.signals)).dropna() for label, table in self.by_seed.items()}
        seeds = sorted(set.intersection(*(set(table.index) for table in tables.values())))
        sign, agree = -1.0 if metric.higher_is_better else 1.0, 0
        for seed in seeds:
            losses = sign * pd.DataFrame({label: table.loc[seed] for label, table in tables.items()})
            losses = losses if claim.each_signal else losses.mean().to_frame().T
            agree += bool((losses.rank(axis=1, method="min")[claim.best] == claim.position).all())
        return agree, len(seeds)


def order_of(claim: Claim, metric: Metric, groups: Sequence[ComparableRuns]) -> Order | None:
    """Return the scores of all compared methods from the first group that has them; None if there is none.

    Args:
        claim: The claim about an order.
        metric: Metric of the claim.
        groups: The groups to look in.
    """
    worst = "min" if metric.higher_is_better else "max"
    for group in groups:
        scores, by_seed, runs, least = {}, {}, [], []
        for label in claim.compared:
            known = [f for one in _labels_of(group, label, claim) if (f := look_up(claim, metric, one, [group])) is not None]
            found = [f for f in known if len(f.values)]
            if not found:
                break
            means = pd.concat([f.values.groupby("signal")["value"].mean() for f in found], axis=1)
            # no setting is worse than one that fails
            if claim.worst_case_over and any(f.failed for f in known):
                means["failed"] = -math.inf if metric.higher_is_better else math.inf
            scores[label] = means.agg(worst, axis=1)
            values = pd.concat([f.values for f in found]).groupby(["seed", "signal"])["value"]
            by_seed[label] = values.agg(worst).unstack("signal")
            runs += [run for f in found for run in f.runs]
            least += [int(f.values.groupby("signal").size().min()) for f in found]
        if len(scores) == len(claim.compared) and len(table := pd.DataFrame(scores).dropna()):
            return Order(table, by_seed, group, tuple(runs), min(least))
    return None


def _labels_of(group: ComparableRuns, label: str, claim: Claim) -> list[str]:
    """Return the settings of a method of which the worst one counts; the method itself if the claim names no parameter."""
    return _settings_of(group, label, claim.worst_case_over) if claim.worst_case_over else [label]


def _settings_of(group: ComparableRuns, label: str, parameter: str) -> list[str]:
    """Return the entries that differ from one in a parameter alone: ``m[a=1]`` -> ``m[a=1,s=2]``, ``m[s=3,a=1]``."""
    wanted = MethodLabel.parse(label).without(parameter)
    labels = map(str, group.runs["label"].unique())
    return [other for other in labels if MethodLabel.parse(other).without(parameter) == wanted]
