"""Group the runs that may be compared: same task, protocol fingerprint, device class, engine and track."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inrbench.analyse.measurements import Measured, Measurements, known_values, metrics_in
from inrbench.errors import NothingFound, unknown_name
from inrbench.metrics.field import RELATIVE_L2
from inrbench.registry import Task
from inrbench.spec import MethodLabel, Metric
from inrbench.store import LEGACY_DEFAULTS, display_name, read_runs

log = logging.getLogger(__name__)
IDENTITY = (
    "task",
    "signal",
    "signal_sha256",
    "method",
    "method_sha256",
    "variant",
    "params_json",
    "protocol",
    "protocol_fingerprint",
    "seed",
    "device_class",
    "engine",
    "track",
    "training_json",
)
USED = ("jobs", "gpu_shared", "status", "trained", "tf32", "matmul_precision", "compiled", "engine_note")
"""Columns that decide which runs are comparable, and whose times are."""

SEVERAL = {
    "signal": "the signal {} was run with several contents",
    "label": "{} was trained with several recipes",
}
"""What has runs that are not of its newest edition -> the warning about it. Edited methods are usual, and give none."""
SOLVED = "least squares"
"""Beginning of the note of models that are solved and not trained: the references."""
SELF_FITTING = (SOLVED, "the method fits itself")
"""Beginnings of the notes of methods that take no steps of an optimiser."""


@dataclass(frozen=True)
class ComparableRuns:
    """Runs that may be compared.

    Args:
        task: Name of the task.
        protocol: Name of the protocol.
        fingerprint: Fingerprint of the protocol.
        device_class: Class of device, ``cpu`` or ``cuda``.
        engine: Engine of the runs.
        track: Track of the runs.
        runs: One row for each (label, signal, seed), from the newest code of each method. The column ``label`` is the
            method's name with its changed parameters, such as ``msa[s_max=3.0]``.
    """

    task: str
    protocol: str
    fingerprint: str
    device_class: str
    engine: str
    track: str
    runs: pd.DataFrame


def comparable_runs(
    results: Path,
    columns: Sequence[str] = (),
    tasks: Sequence[str] = (),
    protocols: Sequence[str] = (),
    track: str | None = None,
) -> list[ComparableRuns]:
    """Return the runs of a results folder, in groups that may be compared.

    Files that cannot be read, and runs whose products were not those of float32, are skipped with a warning. ``train_seconds``
    is NaN if a run shared its GPU with others, or if its steps were computed in another way than those of most runs of the
    group: eagerly, compiled, or as CUDA graphs. Such times depend on the others, or on the harness.

    Args:
        results: Results folder.
        columns: Columns to read in addition to the identity.
        tasks: Names of the tasks to include; all if empty.
        protocols: Names or fingerprints of the protocols to include; all if empty.
        track: Track to include; all but the trials of a search if not given.

    Raises:
        StoreError: There is no such folder.
        UnknownName: The folder does not contain a task or a protocol.
        NothingFound: No runs are left.
    """
    read = read_runs(results, list(dict.fromkeys([*IDENTITY, *USED, *columns])))
    for path, reason in read.unreadable.items():
        log.warning("skipped %s: %s", path, reason)
    table = read.table
    if "metrics" in table.column_names:  # building a million dictionaries would take seconds
        views = Measurements(table["metrics"]).views()
        frame = table.drop_columns("metrics").to_pandas().assign(metrics=views)
    else:
        frame = table.to_pandas()
    frame = frame.fillna({name: LEGACY_DEFAULTS[name] for name in ("engine", "track")})
    frame = _of_track(frame, track, results)
    frame = _of_full_precision(frame)
    frame["trained"] = _trained(frame)
    if "train_seconds" in frame:
        frame.loc[shared_gpu(frame), "train_seconds"] = np.nan
    if not len(frame):
        folder = display_name(results)
        raise NothingFound(f"no results in '{folder}' yet; create some: inrbench run --suite quick --results {folder}")
    for kind, asked, present in (
        ("task", tasks, set(frame["task"].unique())),
        ("protocol", protocols, {*frame["protocol"].unique(), *frame["protocol_fingerprint"].unique()}),
    ):
        for word in asked:
            if word not in present:
                raise unknown_name(f"{kind} in '{results}'", word, present)
    if tasks:
        frame = frame[frame["task"].isin(tasks)]
    if protocols:
        frame = frame[frame["protocol"].isin(protocols) | frame["protocol_fingerprint"].isin(protocols)]
    if not len(frame):
        raise NothingFound(f"'{results}' has runs of these tasks and runs of these protocols, but no run of both")
    return list(_groups(frame))


def _of_track(frame: pd.DataFrame, track: str | None, results: Path) -> pd.DataFrame:
    """Return the runs of a track; without a track, all but the trials of a search. ``tuned`` includes every budget."""
    if track is None:
        chosen = frame[frame["track"] != "search"]
        if len(frame) and not len(chosen):
            raise NothingFound(f"'{display_name(results)}' contains nothing but trials of a search; see them: --track search")
        return chosen
    chosen = frame[(frame["track"] == track) | frame["track"].str.startswith(f"{track}-")]
    if len(frame) and not len(chosen):
        tracks = ", ".join(sorted(frame["track"].unique()))
        raise NothingFound(f"'{display_name(results)}' has no runs of the track '{track}'. There are: {tracks}")
    return chosen


def _of_full_precision(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the runs whose matrix products were those of float32. Others are never in one table with them."""
    reduced = frame["tf32"].fillna(False).astype(bool) | ~frame["matmul_precision"].fillna("highest").eq("highest")
    if reduced.any():
        log.warning("skipped %d run(s) with matrix products of reduced precision, such as TF32", int(reduced.sum()))
    return frame[~reduced].copy()


def _trained(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return a mask of the runs that trained.

    Older rows do not record this. For equations it is derived from the error; other runs are assumed to have trained.
    """
    known = frame["trained"].notna().to_numpy()
    stored = frame["trained"].fillna(True).to_numpy(dtype=bool)
    if "metrics" not in frame:
        return stored
    errors, measured_too = known_values(frame["metrics"].tolist(), RELATIVE_L2.id)
    return np.where(~known & measured_too, errors < Task.trained_below, stored)


def shared_gpu(runs: pd.DataFrame) -> pd.Series:
    """Return a mask of the runs that shared a GPU: with other workers of their command, or with others.

    All workers of a command use the same GPU, unlike CPU cores.
    """
    with_others = runs["gpu_shared"].fillna(False).astype(bool) if "gpu_shared" in runs else False
    return (runs["device_class"] == "cuda") & ((runs["jobs"] > 1) | with_others)


def step_modes(runs: pd.DataFrame) -> "pd.Series[str]":
    """Return how the steps of each run were computed: ``eager``, ``compiled`` or ``CUDA graphs``.

    It is "" for methods that fit themselves.
    """
    notes = runs["engine_note"].fillna("")
    modes = pd.Series("eager", index=runs.index)
    modes[runs["compiled"].fillna(False).astype(bool)] = "compiled"
    modes[notes.eq("CUDA graphs")] = "CUDA graphs"
    modes[notes.str.startswith(SELF_FITTING)] = ""
    return modes


def solved(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return a mask of the runs of references: models that were solved by least squares and not trained."""
    if "engine_note" not in runs:
        return pd.Series(False, index=runs.index)
    return runs["engine_note"].fillna("").str.startswith(SOLVED)


def usual_step_mode(runs: pd.DataFrame) -> str:
    """Return the step mode of most runs that ended; "" if there are none."""
    modes = step_modes(runs[runs["status"] == "ok"])
    counts = modes[modes.ne("")].value_counts()
    return str(counts.index[0]) if len(counts) else ""


def measured(metrics: Measured, metric_id: str) -> float | None:
    """Return a run's value of a metric; None if it is missing."""
    return metrics.value(metric_id)


def values_of(runs: pd.DataFrame, metric: Metric) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a metric's value in each of the runs, NaN if it is missing, and a mask of the runs that have it."""
    return known_values(runs["metrics"].tolist(), metric.id)


def metrics_of(runs: pd.DataFrame) -> list[Metric]:
    """Return the metrics of runs in the protocol's order, the primary one first."""
    return metrics_in(runs["metrics"].tolist())


def _groups(frame: pd.DataFrame) -> Iterator[ComparableRuns]:
    codes, methods = pd.MultiIndex.from_frame(frame[["method", "variant"]]).factorize()
    labels = pd.array([str(MethodLabel(method, variant)) for method, variant in methods], dtype="str")
    frame = frame.assign(label=labels.take(codes))
    for key, group in frame.groupby(["task", "protocol_fingerprint", "device_class", "engine", "track"], sort=True):
        task, fingerprint, device_class, engine, track = key
        runs = _latest(group, str(task), str(track))
        if "train_seconds" in runs:
            runs = runs.copy()
            modes = step_modes(runs)
            runs.loc[modes.ne(usual_step_mode(runs)) & modes.ne(""), "train_seconds"] = np.nan
        name = runs.sort_values("attempt_id")["protocol"].iloc[-1]
        yield ComparableRuns(task, name, fingerprint, device_class, engine, track, runs)


def _latest(group: pd.DataFrame, task: str, track: str) -> pd.DataFrame:
    """Keep the runs of the newest code of each method, bytes of each signal and recipe; older ones are not comparable.

    On tracks on which each method has its own training, a new search gives it another recipe: a mean over runs of both would be
    one of neither. A run that was not repeated after an edit is then missing, and is shown as missing. One run is left for each
    (label, signal, seed).
    """
    columns = ["label", "method", "method_sha256", "signal", "signal_sha256", "seed", "attempt_id", "params_json"]
    kept = group[columns].assign(training=group["training_json"].fillna("{}")).sort_values("attempt_id")
    newest_of = {"method": "method_sha256", "signal": "signal_sha256"}
    if track not in ("paper", "search"):
        newest_of["label"] = "training"
    for subject, content in newest_of.items():
        newest = kept.drop_duplicates(subject, keep="last").set_index(subject)[content]
        of_today = kept[content] == kept[subject].map(newest)
        for name in sorted(kept.loc[~of_today, subject].unique()) if subject in SEVERAL else ():
            log.warning("%s, track %s: %s; only runs of the newest are shown", task, track, SEVERAL[subject].format(name))
        kept = kept[of_today]
    double = kept.groupby(["label", "signal", "seed"])["params_json"].nunique()
    for label, signal, seed in double.index[double > 1]:
        log.warning(
            "%s: %s on %s, seed %s, was run with several parameter sets; only the newest is shown", task, label, signal, seed
        )
    return group.loc[kept.drop_duplicates(["label", "signal", "seed"], keep="last").index]
