"""Leaderboards: each contains runs of exactly one task, protocol fingerprint, device class, engine and track.

A method's entry is the mean over signals of its means over seeds. The leaderboard, not the method, decides which signals
count. A method that failed, did not train, or was not run on some signals is marked as such, ranks below the complete methods,
and is never best. The number of seeds per signal is shown as well.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from inrbench.analyse.aggregate import MIN_SEEDS_FOR_TEST, constant, scores_by_signal, untrained, usable
from inrbench.analyse.compare import over_seeds
from inrbench.analyse.run_notes import (
    WORKER_LAYOUT_COLUMNS,
    missing_values,
    other_modes,
    said_of_runs,
    shared_machine,
    without_absent_signals,
)
from inrbench.analyse.runs import ComparableRuns, comparable_runs, metrics_of, solved, usual_step_mode, values_of
from inrbench.analyse.statistics import (
    LEVEL,
    MIN_PAIRS,
    Interval,
    bootstrap_mean,
    can_distinguish,
    holm,
    p_of_lead,
    shared_ranks,
)
from inrbench.spec import Metric

TABLE_COLUMNS = (
    "status",
    "device_name",
    "hardware_id",
    "threads",
    "jobs",
    "metrics",
    "train_seconds",
    "resumptions",
    "gpu_peak_allocated_bytes",
    "n_params",
    "n_params_stored",
    "n_params_deployed",
    "message",
    "load_average",
    "cores",
    "steps",
    "notes",
)
NOT_TRAINED = "not trained"
NO_BETTER = "no better than a constant"
"""What NOT_TRAINED means for a reference."""


@dataclass(frozen=True)
class Summary:
    """A mean over signals of means over seeds; a geometric mean if the metric's scale is ``log``."""

    mean: float
    std: float | None
    """Sample standard deviation over signals, or the factor exp(sd of logs); None for a single signal. Not an uncertainty."""
    n: int
    """Number of signals."""
    log: bool = False


@dataclass
class Entry:
    """A method's entry in a leaderboard.

    Args:
        label: The method's name with its changed parameters.
        failures: Reason -> number of runs that did not end ok or did not train, or of signals that were not run.
        cells: Metric id -> summary.
        train_seconds: Training time; None without runs that count.
        n_params: Largest number of trained parameters over the signals; None if unknown.
        n_params_min: Smallest number of trained parameters over the signals.
    """

    label: str
    n_ok: int
    """Number of runs that succeeded and trained, or of runs of the constant."""
    failures: dict[str, int]
    cells: dict[str, Summary]
    train_seconds: Summary | None
    gpu_bytes: Summary | None
    """Peak memory of torch's allocator on the GPU. None on a CPU, where a peak describes the process, not the method."""
    n_params: int | None
    n_params_min: int | None
    n_deployed: int | None
    """Numbers stored for the trained network, if fewer than were stored in training; otherwise None."""
    n_signals: int = 0
    """Number of signals of the leaderboard on which the method trained."""
    seeds: tuple[int, int] = (0, 0)
    """Smallest and largest number of seeds per signal."""
    marks: dict[str, str] = field(default_factory=dict)
    """Metric id -> ``best`` or ``second``."""
    complete: bool = True
    """Whether the method trained on every signal of the leaderboard and none of its runs failed."""
    trained: bool = True
    """Whether any run of the method trained; if not, the cells are those of runs that did not."""
    solved: bool = False
    """Whether it is a reference: solved by least squares and not trained. It has a position, but no rank and no test."""
    position: int | None = None
    """Position by the primary metric among complete entries; equal values share a position."""
    rank: int | None = None
    """Rank, shared by methods that cannot be distinguished; None for a reference, and with too few signals."""
    difference_to_best: Interval | None = None
    """Difference to the best entry in the primary metric, on its scale, paired over signals, with its 95 % interval.

    None for the best entry, and with too few signals.
    """
    p_to_best: float | None = None
    """p of the signed-rank test against the best entry, adjusted for the number of other methods.

    None for the best entry, for a reference, and with too few signals.
    """


@dataclass
class Leaderboard:
    """The leaderboard of one group of comparable runs."""

    group: ComparableRuns
    """The runs of the leaderboard, and the identity fields they share."""
    metrics: list[Metric]
    signals: list[str]
    seeds: list[int]
    rows: list[Entry]
    devices: list[str]
    worker_layout: str | None
    """How the machine was shared while times were measured; None if entries differ, and then times are not shown."""
    notes: list[str]


def leaderboards(
    results: Path, tasks: Sequence[str] = (), protocols: Sequence[str] = (), curves: bool = False, track: str | None = None
) -> list[Leaderboard]:
    """Return the leaderboards of a results folder. Filters and errors are those of ``comparable_runs``.

    Args:
        results: Results folder.
        tasks: Names of the tasks to include; all if empty.
        protocols: Names or fingerprints of the protocols to include; all if empty.
        curves: Whether to read the learning curves too. ``times_to_targets`` needs them; the leaderboards do not.
        track: Track to include; all but ``search`` if not given.
    """
    columns = (*TABLE_COLUMNS, "curve") if curves else TABLE_COLUMNS
    return [build_leaderboard(group) for group in comparable_runs(results, columns, tasks, protocols, track)]


def build_leaderboard(group: ComparableRuns) -> Leaderboard:
    """Return the leaderboard of runs that were read with TABLE_COLUMNS."""
    frame, absent = without_absent_signals(group.runs)
    group = ComparableRuns(group.task, group.protocol, group.fingerprint, group.device_class, group.engine, group.track, frame)
    metrics = metrics_of(frame)
    if group.track == "search":  # a trial has only the metrics that rank it; trials of earlier versions have all
        ended = frame[frame["status"] == "ok"]
        metrics = [metric for metric in metrics if values_of(ended, metric)[1].all()]
    signals = sorted(frame["signal"].unique())
    rows = _rows(group, metrics, signals)
    notes = [*absent, *missing_values(frame), *said_of_runs(frame)]
    if metrics:
        _sort_and_mark(rows, metrics, len(signals))
        notes += _compare_with_best(rows, group, metrics[0])
    timed = frame.loc[
        usable(frame) & ~constant(frame),
        ["cores", "load_average", "device_class", "gpu_shared", "resumptions", *WORKER_LAYOUT_COLUMNS],
    ]
    worker_layout, why_not = shared_machine(timed)
    if worker_layout and (mode := usual_step_mode(frame)):
        worker_layout += f", {mode} steps"
        why_not += other_modes(frame, mode)
    if worker_layout and (resumed := int((timed["resumptions"].fillna(0) > 0).sum())):
        notes.append(
            f"{resumed} run(s) continued from a checkpoint: their times are sums over all parts, their memory is unknown"
        )
    return Leaderboard(
        group=group,
        metrics=metrics,
        signals=signals,
        seeds=sorted(frame["seed"].unique().tolist()),
        rows=rows,
        devices=sorted(frame["device_name"].dropna().unique()),
        worker_layout=worker_layout,
        notes=[*notes, *why_not],
    )


def _rows(group: ComparableRuns, metrics: Sequence[Metric], signals: Sequence[str]) -> list[Entry]:
    """Return one entry per method, unordered and unmarked."""
    frame = group.runs
    good, idle = usable(frame), untrained(frame)
    learned = frame.loc[good, "label"].unique()
    shown = good | (idle & ~frame["label"].isin(learned))  # for a method that never trained, use its untrained runs
    scores = {metric.id: scores_by_signal(group, metric, shown) for metric in metrics}
    return [
        _row(str(label), runs, good[runs.index], idle[runs.index], scores, metrics, signals)
        for label, runs in frame.groupby("label", sort=True)
    ]


def _row(
    label: str,
    runs: pd.DataFrame,
    good: "pd.Series[bool]",
    idle: "pd.Series[bool]",
    scores: dict[str, pd.DataFrame],
    metrics: Sequence[Metric],
    signals: Sequence[str],
) -> Entry:
    reference = bool(solved(runs).any())
    failures = {str(status): int(n) for status, n in runs.loc[runs["status"] != "ok", "status"].value_counts().items()}
    if idle.any():
        failures[NO_BETTER if reference else NOT_TRAINED] = int(idle.sum())
    if absent := len(signals) - runs["signal"].nunique():
        failures["not run"] = absent
    counted = runs[good] if good.any() else runs[idle]
    cells = {}
    for metric in metrics:
        column = scores[metric.id].get(label)
        if column is not None:
            numbers = column.dropna()
            cells[metric.id] = _cell((numbers if len(numbers) else column).to_numpy(dtype=float), metric.scale == "log")
    seeds = runs[good].groupby("signal").size()
    by_signal = counted.groupby("signal")
    sizes = counted["n_params"].dropna()
    times = by_signal["train_seconds"].mean()
    memory = by_signal["gpu_peak_allocated_bytes"].mean().dropna()
    return Entry(
        label=label,
        n_ok=int(good.sum()),
        failures=failures,
        cells=cells,
        train_seconds=summarise(times) if len(times) and times.notna().all() else None,
        gpu_bytes=summarise(memory) if len(memory) else None,
        n_params=int(sizes.max()) if len(sizes) else None,
        n_params_min=int(sizes.min()) if len(sizes) else None,
        n_deployed=_deployed(counted),
        n_signals=len(seeds),
        seeds=(int(seeds.min()), int(seeds.max())) if len(seeds) else (0, 0),
        complete=not failures,
        trained=bool(good.any()) or not idle.any(),
        solved=reference,
    )


def _cell(values: np.ndarray, log: bool) -> Summary:
    """Return the cell for values, one per signal; with ``log`` they are log10 values."""
    with np.errstate(invalid="ignore", over="ignore"):
        mean, std = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else None
        if log:
            mean, std = float(np.power(10.0, mean)), None if std is None else float(np.power(10.0, std))
    return Summary(mean=mean, std=std, n=len(values), log=log)


def _deployed(ok: pd.DataFrame) -> int | None:
    """Return the size of a network that is deployed smaller than it is stored; None otherwise, and for older rows."""
    counts = ok[["n_params_stored", "n_params_deployed"]].dropna()
    if not len(counts):
        return None
    stored, deployed = (int(value) for value in counts.max())
    return deployed if deployed < stored else None


def summarise(values: Iterable[float], log: bool = False) -> Summary:
    """Return mean and spread of values; with ``log``, the geometric mean and the spread as a factor.

    >>> round(summarise([1.0, 100.0], log=True).mean, 9)
    10.0
    """
    array = np.asarray(list(values), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _cell(np.log10(array) if log else array, log)


def _sort_and_mark(rows: list[Entry], metrics: Sequence[Metric], n_signals: int) -> None:
    """Sort by the primary metric, complete entries first and untrained ones last; set positions; mark best and second.

    Incomplete entries are sorted by the number of signals on which they trained: their means are over different signals.
    Only metrics that answer the task's question are marked: not the error on the fitted data (unless the task ranks by it),
    and not residuals or oracles. A leaderboard with one complete entry has no best.
    """

    def worse(metric: Metric, row: Entry) -> float:
        cell = row.cells.get(metric.id)
        if cell is None or math.isnan(cell.mean):
            return math.inf
        return -cell.mean if metric.higher_is_better else cell.mean

    def missing(row: Entry) -> int:
        cell = row.cells.get(metrics[0].id)
        return 0 if row.complete else n_signals - (cell.n if cell else 0)

    rows.sort(key=lambda row: (not row.trained, not row.complete, missing(row), worse(metrics[0], row), row.solved, row.label))
    complete = [row for row in rows if row.complete]
    for row in complete:
        row.position = 1 + sum(worse(metrics[0], other) < worse(metrics[0], row) for other in complete)
    if len(complete) < 2:
        return
    for metric in markable(metrics):
        ranked = [
            row for row in complete if (cell := row.cells.get(metric.id)) and cell.n == n_signals and not math.isnan(cell.mean)
        ]
        if len(ranked) < 2:
            continue
        levels = sorted({worse(metric, row) for row in ranked})
        for mark, level in zip(("best", "second"), levels, strict=False):
            for row in ranked:
                if worse(metric, row) == level:
                    row.marks[metric.id] = mark


def markable(metrics: Sequence[Metric]) -> list[Metric]:
    """Return the metrics in which a method can be best: those that answer the task's question, and the primary one."""
    return [m for i, m in enumerate(metrics) if m.scale != "dispersion" and (i == 0 or m.role == "answer")]


def _compare_with_best(rows: list[Entry], group: ComparableRuns, metric: Metric) -> list[str]:
    """Set the differences of complete entries to the best one, and ranks, if there are enough signals; else compare seeds.

    References are not tested, as they are no candidates, and each test more makes all others weaker. If the best row is a
    reference, methods are tested against it.
    """
    complete = [row for row in rows if row.complete]
    scores = scores_by_signal(group, metric)
    scores = scores[[row.label for row in complete if row.label in scores]].dropna(axis="columns")
    finite = {label: bool(np.isfinite(scores[label]).all()) for label in scores}
    complete = [row for row in complete if row.label in scores and (finite[row.label] or not row.solved)]
    if len(complete) < 2 or not all(finite[row.label] for row in complete):
        return []
    best, *others = complete
    if len(scores) < MIN_PAIRS:
        methods = [row for row in complete if not row.solved]
        return _compare_seeds(methods[0], methods[1:], group, metric) if methods else []
    differences = [(scores[row.label] - scores[best.label]).to_numpy() for row in others]
    for row, values in zip(others, differences, strict=True):
        row.difference_to_best = bootstrap_mean(values)
    tested = [(row, p_of_lead(values)) for row, values in zip(others, differences, strict=True) if not row.solved]
    for (row, _), p in zip(tested, holm([p for _, p in tested]), strict=True):
        row.p_to_best = p
    methods = [row for row in complete if not row.solved]
    pairs = len(methods) * (len(methods) - 1) // 2
    if not pairs:
        return []
    if not can_distinguish(len(scores), pairs):
        alone = "; methods are tested against the best row only" if can_distinguish(len(scores), len(tested)) else ""
        return [f"no ranks: {len(scores)} signals are too few for tests of all {pairs} pairs of methods{alone}"]
    sign = -1.0 if metric.higher_is_better else 1.0
    ranks = shared_ranks({row.label: sign * scores[row.label].to_numpy() for row in methods})
    for row in methods:
        row.rank = ranks.get(row.label)
    return []


def _compare_seeds(best: Entry, others: Sequence[Entry], group: ComparableRuns, metric: Metric) -> list[str]:
    """Return a line for each signal with enough seeds: which entries its seeds distinguish from the best one."""
    apart: dict[str, list[str]] = {}
    alike: dict[str, list[str]] = {}
    if best.seeds[0] < MIN_SEEDS_FOR_TEST:
        return []
    for each in over_seeds(group, metric, best.label, [row.label for row in others]):
        assert each.p is not None
        (apart if each.p < LEVEL else alike).setdefault(each.signal, []).append(f"{each.other} (p {each.p:.2g})")
    lines = []
    for signal in sorted({*apart, *alike}):
        parts = [f"different from {best.label}: {', '.join(apart[signal])}"] if signal in apart else []
        parts += [f"not distinguished from it: {', '.join(alike[signal])}"] if signal in alike else []
        lines.append(f"on {signal} alone, paired t-tests over seeds (Holm), not over signals: {'; '.join(parts)}")
    return lines
