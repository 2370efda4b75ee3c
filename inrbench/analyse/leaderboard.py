"""Leaderboards: runs of one task, one protocol fingerprint, one class of device and one engine, and never of more than one.

A method's row is made of its runs over (signal, seed). Which pairs count is decided by the table and not by the method: a
method that failed or was not run on some of them shows it, ranks below those that are complete, and is never best.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from inrbench.analyse.compare import scores_by_signal
from inrbench.analyse.measurements import missing_notes
from inrbench.analyse.runs import Group, comparable_runs, metrics_of, shared_gpu, values_of
from inrbench.analyse.statistics import FEWEST_PAIRS, shared_ranks
from inrbench.spec import Metric

TABLE_COLUMNS = (
    "status", "device_name", "hardware_id", "threads", "jobs", "metrics", "train_seconds", "host_peak_bytes",
    "gpu_peak_allocated_bytes", "n_params", "n_params_stored", "n_params_deployed", "message", "load_average", "cores",
)  # fmt: skip
ROW_COLUMNS = ["label", "status", "metrics", "train_seconds", "host_peak_bytes", "gpu_peak_allocated_bytes", "n_params",
               "n_params_stored", "n_params_deployed"]  # fmt: skip
SHARING = ["hardware_id", "jobs", "threads"]

BUSY = 1.6
"""Times as many processes want to run as there are cores or own threads: from here on a run's times are not its own."""


@dataclass(frozen=True)
class Cell:
    """A mean over runs with its spread; geometric, with a factor, where the metric's scale is ``log``."""

    mean: float
    spread: float | None
    """Sample standard deviation, or the factor exp(sd of logs); None for a single run."""
    n: int
    log: bool = False


@dataclass
class Row:
    """A method's line: ``cells`` by metric id; ``failures`` counts the runs that did not end ok, by status."""

    label: str
    n_ok: int
    failures: dict[str, int]
    cells: dict[str, Cell]
    train_seconds: Cell | None
    peak_bytes: Cell | None
    n_params: int | None
    n_deployed: int | None
    """Numbers of the network once trained, where they are fewer than were stored in training."""
    marks: dict[str, str] = field(default_factory=dict)
    """Metric id -> ``best`` or ``second``."""
    complete: bool = True
    rank: int | None = None
    """Shared by methods that cannot be told apart; None with too few signals to tell."""


@dataclass
class Board:
    """One table. ``n_runs`` is the number of (signal, seed) pairs that a complete method has."""

    group: Group
    """The runs behind it, and what they share."""
    metrics: list[Metric]
    signals: list[str]
    seeds: list[int]
    n_runs: int
    rows: list[Row]
    devices: list[str]
    sharing: str | None
    """How the machine was shared while times were taken; None if not all rows agree, and then times are not shown."""
    notes: list[str]


def leaderboards(results: Path, tasks: Sequence[str] = (), protocols: Sequence[str] = (), curves: bool = False) -> list[Board]:
    """Return the tables of a results folder. Limits and errors are those of ``comparable_runs``.

    ``curves``: read the learning curves too, which the tables do without and ``times_to_targets`` needs.
    """
    columns = (*TABLE_COLUMNS, "curve") if curves else TABLE_COLUMNS
    return [board_of(group) for group in comparable_runs(results, columns, tasks, protocols)]


def board_of(group: Group) -> Board:
    """Return the table of runs that were read with TABLE_COLUMNS."""
    frame, absent = _without_absent_signals(group.runs)
    metrics = metrics_of(frame)
    n_runs = len(frame[["signal", "seed"]].drop_duplicates())
    rows = [_row(str(label), runs, metrics, n_runs) for label, runs in frame[ROW_COLUMNS].groupby("label", sort=True)]
    if metrics:
        _sort_and_mark(rows, metrics, n_runs)
        _rank(rows, group, metrics[0])
    timed = frame.loc[frame["status"] == "ok", ["cores", "load_average", "device_class", *SHARING]]
    sharings = {tuple(row) for row in timed[SHARING].drop_duplicates().itertuples(index=False)}
    notes = [*absent, *_missing_notes(frame)]
    own = np.maximum(timed["cores"], timed["jobs"] * timed["threads"])
    busy = timed["load_average"] > BUSY * own
    if (shared := shared_gpu(timed)).any():
        sharings = set()
        notes.append(f"times are not shown: {int(shared.sum())} run(s) shared a GPU with others")
    if len(sharings) == 1 and busy.any():
        sharings = set()
        notes.append(f"times are not shown: {int(busy.sum())} run(s) began on a machine that was busy with other work")
    if len(sharings) > 1:
        notes.append(
            "times are not shown: they were taken on different machines, or with different numbers of workers or threads"
        )
    jobs, threads = (next(iter(sharings))[1:]) if len(sharings) == 1 else (0, 0)
    return Board(
        group=group,
        metrics=metrics,
        signals=sorted(frame["signal"].unique()),
        seeds=sorted(frame["seed"].unique().tolist()),
        n_runs=n_runs,
        rows=rows,
        devices=sorted(frame["device_name"].unique()),
        sharing=f"{jobs} worker(s) with {threads} thread(s) each" if len(sharings) == 1 else None,
        notes=notes,
    )


def _without_absent_signals(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Leave out signals of which every run was skipped, for want of data: no method is less complete for that. Say so."""
    skipped = (frame["status"] == "skipped").groupby(frame["signal"]).transform("all")
    if skipped.all() or not skipped.any():
        return frame, []
    why = frame[skipped].drop_duplicates("signal").sort_values("signal")
    return frame[~skipped], [
        f"{signal} is left out: {text}" for signal, text in zip(why["signal"], why["message"], strict=True)
    ]


def _row(label: str, runs: pd.DataFrame, metrics: Sequence[Metric], n_runs: int) -> Row:
    ok = runs[runs["status"] == "ok"]
    failures = {str(status): int(n) for status, n in runs.loc[runs["status"] != "ok", "status"].value_counts().items()}
    if len(runs) < n_runs:
        failures["not run"] = n_runs - len(runs)
    cells = {}
    for metric in metrics:
        values, known = values_of(ok, metric)
        if known.any():
            cells[metric.id] = summarise(values[known], log=metric.scale == "log")
    memory = ok["gpu_peak_allocated_bytes"] if ok["gpu_peak_allocated_bytes"].notna().any() else ok["host_peak_bytes"]
    return Row(
        label=label,
        n_ok=len(ok),
        failures=failures,
        cells=cells,
        train_seconds=summarise(ok["train_seconds"]) if len(ok) else None,
        peak_bytes=summarise(memory.dropna()) if memory.notna().any() else None,
        n_params=int(counts.iloc[0]) if len(counts := ok["n_params"].dropna()) else None,
        n_deployed=_deployed(ok),
        complete=not failures,
    )


def _deployed(ok: pd.DataFrame) -> int | None:
    """Return the numbers of a network that is deployed smaller than it is stored; older rows do not say."""
    counts = ok[["n_params_stored", "n_params_deployed"]].dropna()
    if not len(counts):
        return None
    stored, deployed = (int(value) for value in counts.iloc[0])
    return deployed if deployed < stored else None


def summarise(values: Iterable[float], log: bool = False) -> Cell:
    """Return mean and spread of values; of their logarithms with ``log``, brought back by exp.

    >>> round(summarise([1.0, 100.0], log=True).mean, 9)
    10.0
    """
    array = np.asarray(list(values), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        array = np.log(array) if log else array
        mean, spread = float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else None
    if log:
        mean, spread = math.exp(mean), None if spread is None else math.exp(spread)
    return Cell(mean=mean, spread=spread, n=len(array), log=log)


def _sort_and_mark(rows: list[Row], metrics: Sequence[Metric], n_runs: int) -> None:
    """Sort by the primary metric, complete rows first; mark best and second of each metric among rows with all its values."""

    def worse(metric: Metric, row: Row) -> float:
        cell = row.cells.get(metric.id)
        if cell is None or math.isnan(cell.mean):
            return math.inf
        return -cell.mean if metric.higher_is_better else cell.mean

    rows.sort(key=lambda row: (not row.complete, worse(metrics[0], row), row.label))
    for metric in (metric for metric in metrics if metric.scale != "spread"):
        ranked = [row for row in rows if (cell := row.cells.get(metric.id)) and cell.n == n_runs and not math.isnan(cell.mean)]
        levels = sorted({worse(metric, row) for row in ranked})
        for mark, level in zip(("best", "second"), levels, strict=False):
            for row in ranked:
                if worse(metric, row) == level:
                    row.marks[metric.id] = mark


def _rank(rows: list[Row], group: Group, metric: Metric) -> None:
    """Rank the complete rows by the primary metric over signals, with shared ranks, where there are signals enough."""
    complete = [row for row in rows if row.complete]
    scores = scores_by_signal(group, metric).dropna(axis="columns")
    if len(scores) < FEWEST_PAIRS or len(complete) < 2 or not np.isfinite(scores.to_numpy()).all():
        return
    sign = -1.0 if metric.higher_is_better else 1.0
    ranks = shared_ranks({row.label: sign * scores[row.label].to_numpy() for row in complete if row.label in scores})
    for row in complete:
        row.rank = ranks.get(row.label)


def _missing_notes(frame: pd.DataFrame) -> list[str]:
    """Say of each metric how often it is missing, and why."""
    reasons = Counter(missing_notes(frame.loc[frame["status"] == "ok", "metrics"].tolist()))
    return [f"{metric} is missing in {n} run(s): {reason}" for (metric, reason), n in sorted(reasons.items())]
