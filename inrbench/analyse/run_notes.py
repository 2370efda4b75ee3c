"""What a table says of its runs: notes, missing values, and how the machine was shared while times were measured."""

from collections import Counter

import numpy as np
import pandas as pd

from inrbench.analyse.measurements import missing_notes
from inrbench.analyse.runs import shared_gpu, solved, step_modes
from inrbench.planning.request import split_source

FIRST_LIMIT = 500
"""Number of iterations after which earlier versions stopped least squares."""
STOPPED = f"least squares stopped after {FIRST_LIMIT} iterations, before it converged"
WORKER_LAYOUT_COLUMNS = ["hardware_id", "jobs", "threads"]

LOAD_COLUMNS = ("cores", "jobs", "threads", "load_average")
"""Columns that tell whether a machine was busy with other work."""
BUSY = 1.6
"""Load average per core (or per thread of the command, if there are more) above which a run's times are not reliable."""


def other_modes(frame: pd.DataFrame, usual: str) -> list[str]:
    """Return a note for each step mode other than the usual one: the times of these runs are not shown."""
    ended = frame[frame["status"] == "ok"]
    modes = step_modes(ended)
    return [
        f"times are not shown for {', '.join(sorted(ended.loc[modes.eq(mode), 'label'].unique()))}: "
        f"their steps were {mode}, those of most runs were {usual}"
        for mode in sorted(set(modes.unique()) - {usual, ""})
    ]


def busy(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return a mask of the runs that began on a machine that was busy with other work: their times are not reliable."""
    return runs["load_average"] > BUSY * np.maximum(runs["cores"], runs["jobs"] * runs["threads"])


def shared_machine(timed: pd.DataFrame) -> tuple[str | None, list[str]]:
    """Return how the machine was shared while times were measured, or None with the reason why times are not shown."""
    ways = {tuple(row) for row in timed[WORKER_LAYOUT_COLUMNS].drop_duplicates().itertuples(index=False)}
    if (shared := shared_gpu(timed)).any():
        return None, [f"times are not shown: {int(shared.sum())} run(s) shared a GPU with others"]
    if len(ways) > 1:
        return None, [
            "times are not shown: they were taken on different machines, or with different numbers of workers or threads"
        ]
    if (disturbed := busy(timed)).any():
        return None, [f"times are not shown: {int(disturbed.sum())} run(s) began on a machine that was busy with other work"]
    if not ways:
        return None, []
    _, jobs, threads = next(iter(ways))
    return f"{jobs} worker(s) with {threads} thread(s) each", []


def on_absent_signals(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Return which runs are of a signal for which every run was skipped because data was missing; none if all are."""
    skipped = (frame["status"] == "skipped").groupby(frame["signal"]).transform("all")
    return skipped & (not skipped.all())


def without_absent_signals(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Leave out signals for which every run was skipped because data was missing, and return a note for each.

    No method counts as incomplete because of such a signal.
    """
    skipped = on_absent_signals(frame)
    if not skipped.any():
        return frame, []
    why = frame[skipped].drop_duplicates("signal").sort_values("signal")
    return frame[~skipped], [
        f"{signal} is left out: {text}" for signal, text in zip(why["signal"], why["message"], strict=True)
    ]


def said_of_runs(frame: pd.DataFrame) -> list[str]:
    """Return the notes stored with the runs, each once, after the methods concerned unless it concerns all of them.

    The ranges of a search are left out: ``searched_ranges`` has them.
    """
    about: dict[str, list[str]] = {}
    for label, note in _stored_notes(frame):
        labels = about.setdefault(split_source(note)[0], [])
        if label not in labels:
            labels.append(label)
    for label in sorted(frame.loc[_stopped(frame), "label"].unique()):
        labels = about.setdefault(STOPPED, [])
        if label not in labels:
            labels.append(label)
    everyone = set(frame["label"].unique())
    return [note if set(labels) == everyone else f"{', '.join(labels)}: {note}" for note, labels in sorted(about.items())]


def _stopped(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Return a mask of the runs of references that were stopped before they converged. Earlier versions stored no note."""
    if "steps" not in frame:
        return pd.Series(False, index=frame.index)
    return solved(frame) & (frame["steps"] == FIRST_LIMIT)


def searched_ranges(frame: pd.DataFrame) -> dict[str, str]:
    """Return label -> the ranges that the search of its recipe tried."""
    found: dict[str, list[str]] = {}
    for label, note in _stored_notes(frame):
        if ranges := split_source(note)[1]:
            found.setdefault(label, []).append(ranges)
    return {label: " / ".join(ranges) for label, ranges in found.items()}


def _stored_notes(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the distinct pairs of a label and a note stored with one of its runs."""
    if "notes" not in frame:
        return []
    stored = frame[["label", "notes"]].explode("notes").dropna(subset="notes").drop_duplicates()
    return [(str(label), str(note)) for label, note in zip(stored["label"], stored["notes"], strict=True)]


def missing_values(frame: pd.DataFrame) -> list[str]:
    """Return a note for each metric with missing values: how often it is missing, and why."""
    reasons = Counter(missing_notes(frame.loc[frame["status"] == "ok", "metrics"].tolist()))
    return [f"{metric} is missing in {n} run(s): {reason}" for (metric, reason), n in sorted(reasons.items())]
