"""Which runs may stand side by side: of one task, protocol fingerprint, class of device, engine and track."""

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
)


@dataclass(frozen=True)
class ComparableRuns:
    """Runs that may be compared: one row for each (label, signal, seed), of the newest code of each method.

    ``label`` is the method's name with what was set, ``msa[s_max=3.0]``.
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
    """Return what a results folder holds, with ``columns`` beside the identity, in groups that may be compared.

    ``tasks``, ``protocols`` (names or fingerprints) and ``track`` limit them; without a track, all but the trials of a
    search. Raises StoreError without such a folder,
    UnknownName for a task or a protocol that it does not hold, NothingFound if nothing is left. Files that cannot be read are
    passed over with a warning. ``train_seconds`` is NaN where a run shared its GPU with others: it says nothing of the run.
    """
    read = read_runs(results, list(dict.fromkeys([*IDENTITY, "jobs", "status", "trained", *columns])))
    for path, reason in read.unreadable.items():
        log.warning("skipped %s: %s", path, reason)
    table = read.table
    if "metrics" in table.column_names:  # a million dictionaries would take seconds
        views = Measurements(table["metrics"]).views()
        frame = table.drop_columns("metrics").to_pandas().assign(metrics=views)
    else:
        frame = table.to_pandas()
    frame = frame.fillna({name: LEGACY_DEFAULTS[name] for name in ("engine", "track")})
    frame = _of_track(frame, track, results)
    frame["trained"] = _trained(frame)
    if "train_seconds" in frame:
        frame.loc[shared_gpu(frame), "train_seconds"] = np.nan
    if not len(frame):
        folder = display_name(results)
        raise NothingFound(f"no results in '{folder}' yet; make some: inrbench run --suite quick --results {folder}")
    for kind, asked, held in (
        ("task", tasks, set(frame["task"])),
        ("protocol", protocols, {*frame["protocol"], *frame["protocol_fingerprint"]}),
    ):
        for word in asked:
            if word not in held:
                raise unknown_name(f"{kind} in '{results}'", word, held)
    if tasks:
        frame = frame[frame["task"].isin(tasks)]
    if protocols:
        frame = frame[frame["protocol"].isin(protocols) | frame["protocol_fingerprint"].isin(protocols)]
    if not len(frame):
        raise NothingFound(f"'{results}' has runs of these tasks and of these protocols, but none of both")
    return list(_groups(frame))


def _of_track(frame: pd.DataFrame, track: str | None, results: Path) -> pd.DataFrame:
    """Return the runs of a track; of all but a search's trials if none is named. ``tuned`` is that of any budget."""
    if track is None:
        chosen = frame[frame["track"] != "search"]
        if len(frame) and not len(chosen):
            raise NothingFound(f"'{display_name(results)}' holds nothing but trials of a search; see them: --track search")
        return chosen
    chosen = frame[(frame["track"] == track) | frame["track"].str.startswith(f"{track}-")]
    if len(frame) and not len(chosen):
        raise NothingFound(
            f"'{display_name(results)}' has no runs of the track '{track}'. There are: {', '.join(sorted(set(frame['track'])))}"
        )
    return chosen


def _trained(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which runs trained. Rows from before that was recorded tell it of equations; of others it is taken for granted."""
    known = frame["trained"].notna().to_numpy()
    said = frame["trained"].fillna(True).to_numpy(dtype=bool)
    if "metrics" not in frame:
        return said
    errors, measured_too = known_values(frame["metrics"].tolist(), RELATIVE_L2.id)
    return np.where(~known & measured_too, errors < Task.trained_below, said)


def shared_gpu(runs: pd.DataFrame) -> pd.Series:
    """Return which runs had a GPU not for themselves: all workers of a command are on one, unlike on the cores of a CPU."""
    return (runs["device_class"] == "cuda") & (runs["jobs"] > 1)


def measured(metrics: Measured, metric_id: str) -> float | None:
    """Return a run's value of a metric; None where it is missing."""
    return metrics.value(metric_id)


def values_of(runs: pd.DataFrame, metric: Metric) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a metric's value in each of the runs, NaN where it is missing, and where it is not."""
    return known_values(runs["metrics"].tolist(), metric.id)


def metrics_of(runs: pd.DataFrame) -> list[Metric]:
    """Return the metrics of runs in the protocol's order, the primary one first."""
    return metrics_in(runs["metrics"].tolist())


def _groups(frame: pd.DataFrame) -> Iterator[ComparableRuns]:
    frame = frame.assign(label=list(map(str, map(MethodLabel, frame["method"], frame["variant"]))))
    for key, group in frame.groupby(["task", "protocol_fingerprint", "device_class", "engine", "track"], sort=True):
        task, fingerprint, device_class, engine, track = key
        runs = _latest_code(group, str(task))
        name = runs.sort_values("attempt_id")["protocol"].iloc[-1]
        yield ComparableRuns(task, name, fingerprint, device_class, engine, track, runs)


def _latest_code(group: pd.DataFrame, task: str) -> pd.DataFrame:
    """Keep the runs of the newest code of each method and the newest bytes of each signal: what was edited is another thing.

    What was not run again after the edit is then missing, and shows as such. One run is left for each (row, signal, seed).
    """
    columns = ["label", "method_sha256", "signal", "signal_sha256", "seed", "attempt_id", "params_json"]
    kept = group[columns].sort_values("attempt_id")
    for subject, code in (("label", "method_sha256"), ("signal", "signal_sha256")):
        newest = kept.drop_duplicates(subject, keep="last").set_index(subject)[code]
        of_today = kept[code] == kept[subject].map(newest)
        for name in sorted(set(kept.loc[~of_today, subject])) if subject == "signal" else ():
            log.warning("%s: the signal %s was run with several contents; runs of the newest alone are shown", task, name)
        kept = kept[of_today]
    double = kept.groupby(["label", "signal", "seed"])["params_json"].nunique()
    for label, signal, seed in double.index[double > 1]:
        log.warning(
            "%s: %s on %s, seed %s, was run with several parameters; the newest alone is shown", task, label, signal, seed
        )
    return group.loc[kept.drop_duplicates(["label", "signal", "seed"], keep="last").index]
