"""What the tables of a task say on each track, and under the protocol of its paper: the answers of the home page."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inrbench.analyse import Leaderboard, build_leaderboard
from inrbench.report import formatting
from inrbench.report.site import urls
from inrbench.report.site.tiers import FULL, citable, tier
from inrbench.report.site.verdict import CLEARLY, CLEARLY_ELSE, Verdict, verdict_of
from inrbench.spec import TUNED

WORDS = {
    "paper": "one learning rate for all",
    "authors": "each as its authors train it",
    TUNED: "settings found by a small search",
}
"""Track, without its budget -> how methods are trained on it, in short."""


@dataclass(frozen=True)
class Answer:
    """What one table says.

    Args:
        column: How methods are trained; the protocol, if it is that of a paper; the class of device, if it is not a CPU.
        page: Address of the table.
        verdict: What it says.
        remarks: What a reader must know beside the verdict.
        compared: What is the same in tables that may be compared: fingerprint, device class, engine, signals.
    """

    column: str
    page: str
    verdict: Verdict
    remarks: tuple[str, ...]
    compared: tuple[object, ...]


def track_words(track: str) -> str:
    """Return how methods are trained on a track, with its name.

    >>> track_words("tuned-4"), track_words("search")
    ('settings found by a small search (track tuned-4)', 'track search')
    """
    words = WORDS.get(track.split("-", maxsplit=1)[0])
    return f"{words} (track {track})" if words else f"track {track}"


def answers(
    chosen: Sequence[Leaderboard], known: Mapping[str, Sequence[Answer]], leaderboards: Sequence[Leaderboard]
) -> dict[str, Any]:
    """Return a table of answers: one row per task, one column per way of training.

    Args:
        chosen: The tables that answer, one per task.
        known: Task -> what its tables say, from ``answers_of``.
        leaderboards: All tables, for the full experiments.
    """
    found = [[*known[each.group.task], *_full_experiments(each, leaderboards)] for each in chosen]
    columns = sorted({answer.column for row in found for answer in row}, key=_column_order)
    rows = []
    for leaderboard, row in zip(chosen, found, strict=True):
        of_column = {answer.column: answer for answer in row}
        rows.append(
            {
                "task": leaderboard.group.task,
                "page": urls.leaderboard(leaderboard.group),
                "signals": len(leaderboard.signals),
                "depends": depends_on_settings(row),
                "cells": [of_column.get(column) or _small(leaderboard, column, leaderboards) for column in columns],
            }
        )
    return {"columns": [column[:1].upper() + column[1:] for column in columns], "rows": rows}


def _small(chosen: Leaderboard, column: str, leaderboards: Sequence[Leaderboard]) -> dict[str, Any] | None:
    """Return the address of a table that cannot answer, and why: it lacks some of the signals; None if there is none.

    Args:
        chosen: The table that answers.
        column: How the methods of the other table are trained.
        leaderboards: All tables.
    """
    for each in leaderboards:
        if each is chosen or each.group.task != chosen.group.task:
            continue
        if _same_protocol(each, chosen) and _column(each) == column:
            shared = set(each.signals) & set(chosen.signals)
            text = f"only {len(shared)} of these {formatting.counted(len(chosen.signals), 'signal')}"
            return {"page": urls.leaderboard(each.group), "text": text}
        if tier(each) == FULL and FULL_EXPERIMENT + _column(each) == column:
            return {"page": urls.leaderboard(each.group), "text": "no signal on which all were run"}
    return None


def _same_protocol(one: Leaderboard, other: Leaderboard) -> bool:
    """Return whether two tables differ in nothing but the track."""
    kinds = [(each.group.task, each.group.fingerprint, each.group.device_class, each.group.engine) for each in (one, other)]
    return kinds[0] == kinds[1]


def _column_order(column: str) -> tuple[bool, bool, str]:
    """Return the sort key that puts tuned settings first, and full experiments last."""
    return column.startswith(FULL_EXPERIMENT), not column.startswith(WORDS[TUNED]), column


FULL_EXPERIMENT = "full experiment (protocol paper), "
"""Beginning of the columns of full experiments."""


def depends_on_settings(found: Sequence[Answer]) -> bool:
    """Return whether tests find different best methods in tables of one protocol and on the same signals."""
    winners = {(answer.compared, answer.verdict.winner) for answer in found if answer.verdict.decided}
    return len(winners) > len({compared for compared, _ in winners})


def answers_of(chosen: Leaderboard, leaderboards: Sequence[Leaderboard]) -> Iterator[Answer]:
    """Yield what each track of a task says about the same signals, so that a reader sees whether the order depends on it.

    Args:
        chosen: The table that answers.
        leaderboards: All tables.
    """
    group = chosen.group
    others = [
        each
        for each in leaderboards
        if each is not chosen and _same_protocol(each, chosen) and set(chosen.signals) <= set(each.signals)
    ]
    on_same_signals = [_on_signals(other, chosen.signals) for other in others]
    paper = next((same for same in on_same_signals if same.group.track == "paper"), None)
    remarks = [_usual(chosen, paper), _worse_than_usual(chosen, paper)] if paper and group.track.startswith(TUNED) else []
    yield _answer(chosen, *filter(None, remarks))
    for other, same in zip(others, on_same_signals, strict=True):
        yield _answer(same, *filter(None, [_fewer(len(same.signals), len(other.signals))]))


def _fewer(shown: int, measured: int) -> str:
    """Return a remark if an answer is about a part of the signals of a table; "" if not."""
    return f"On these {shown} of {measured} signals." if shown < measured else ""


def _column(leaderboard: Leaderboard) -> str:
    """Return how the methods of a table are trained, and on what if that is not the fast engine on a CPU."""
    group = leaderboard.group
    elsewhere = [group.device_class] if group.device_class != "cpu" else []
    elsewhere += [f"{group.engine} engine"] if group.engine != "fast" else []
    return ", ".join([track_words(group.track), *elsewhere])


def _answer(leaderboard: Leaderboard, *remarks: str, prefix: str = "") -> Answer:
    group = leaderboard.group
    return Answer(
        prefix + _column(leaderboard),
        urls.leaderboard(group),
        verdict_of(leaderboard),
        remarks,
        (group.fingerprint, group.device_class, group.engine, *leaderboard.signals),
    )


def _on_signals(leaderboard: Leaderboard, signals: Collection[str]) -> Leaderboard:
    """Return the table of the runs on some of the signals."""
    runs = leaderboard.group.runs
    return build_leaderboard(replace(leaderboard.group, runs=runs[runs["signal"].isin(signals)]))


def _worse_than_usual(tuned: Leaderboard, paper: Leaderboard) -> str:
    """Return which methods are clearly better on the track ``paper`` than with the settings that a search found; "" if none.

    Args:
        tuned: The table of the tuned track.
        paper: The table of the track ``paper``, on the same signals.
    """
    if not tuned.metrics:
        return ""
    metric = tuned.metrics[0]
    usual = {row.label: row for row in paper.rows if row.complete and row.trained}
    gains = {
        row.label: metric.to_scale(row.cells[metric.id].mean) - metric.to_scale(usual[row.label].cells[metric.id].mean)
        for row in tuned.rows
        if row.label in usual and row.complete and metric.id in row.cells and metric.id in usual[row.label].cells
    }
    sign = 1.0 if metric.higher_is_better else -1.0
    worse = [label for label, gain in gains.items() if sign * gain < -CLEARLY.get(metric.scale_unit, CLEARLY_ELSE)]
    return f"By this metric, the search made {', '.join(worse)} worse than the usual settings." if worse else ""


def _full_experiments(chosen: Leaderboard, leaderboards: Sequence[Leaderboard]) -> Iterator[Answer]:
    """Yield what each table under the paper's own protocol says, for a task whose answer is from another protocol.

    Only signals on which all methods of a table have been run are compared: a large experiment is often measured bit by bit. A
    method that failed on one of them is not complete.

    Args:
        chosen: The table that answers.
        leaderboards: All tables.
    """
    if tier(chosen) == FULL:
        return
    for each in leaderboards:
        group = each.group
        if group.task != chosen.group.task or tier(each) != FULL or not citable(each):
            continue
        tried = group.runs[group.runs["status"] != "skipped"].groupby("signal")["label"].nunique()
        common = tried.index[tried == group.runs["label"].nunique()]
        if len(common) and group.runs["label"].nunique() > 1:
            fewer = _fewer(len(common), len(each.signals))
            yield _answer(_on_signals(each, common), *filter(None, [fewer]), prefix=FULL_EXPERIMENT)


def _usual(tuned: Leaderboard, paper: Leaderboard) -> str:
    """Return which trained methods have the same settings on a tuned track and on the track ``paper``; "" if none or unknown.

    Args:
        tuned: The table of the tuned track.
        paper: The table of the track ``paper``, on the same signals.
    """
    if "training_json" not in tuned.group.runs:
        return ""
    settings = [
        frame.drop_duplicates("label").set_index("label")[["params_json", "training_json"]].fillna("{}")
        for frame in (tuned.group.runs, paper.group.runs)
    ]
    solved = {row.label for row in tuned.rows if row.solved}  # no search concerns them
    shared = settings[0].index.intersection(settings[1].index)
    same = [str(label) for label in shared if label not in solved and (settings[0].loc[label] == settings[1].loc[label]).all()]
    return f"For {', '.join(same)}, the search found nothing better than the usual settings." if same else ""
