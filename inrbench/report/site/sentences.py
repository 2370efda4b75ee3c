"""What the tables of a task say on each track, and under the protocol of its paper: the sentences of the home page."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from inrbench.analyse import Leaderboard, build_leaderboard
from inrbench.report.site import urls
from inrbench.report.site.tiers import FULL, citable, tier
from inrbench.report.site.verdict import CLEARLY, CLEARLY_ELSE, verdict_of
from inrbench.spec import TUNED


def sentences_of(chosen: Leaderboard, leaderboards: Sequence[Leaderboard]) -> Iterator[dict[str, Any]]:
    """Yield what each track of a task says about the same signals, so that a reader sees whether the order depends on it.

    Args:
        chosen: The table that answers.
        leaderboards: All tables.
    """
    group = chosen.group
    others = [
        each
        for each in leaderboards
        if each is not chosen
        and (each.group.task, each.group.fingerprint, each.group.device_class, each.group.engine)
        == (group.task, group.fingerprint, group.device_class, group.engine)
        and set(chosen.signals) <= set(each.signals)
    ]
    same_for_all = {"task": group.task, "fingerprint": group.fingerprint}
    on_same_signals = [_on_signals(other, chosen.signals) for other in others]
    paper = next((same for same in on_same_signals if same.group.track == "paper"), None)
    remarks = [_usual(chosen, paper), _worse_than_usual(chosen, paper)] if paper and group.track.startswith(TUNED) else []
    yield {
        **same_for_all,
        "track": group.track,
        "verdict": verdict_of(chosen),
        "remarks": " ".join(filter(None, remarks)),
    }
    for same in on_same_signals:
        yield {**same_for_all, "track": same.group.track, "verdict": verdict_of(same), "remarks": ""}


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
    return f"The search made {', '.join(worse)} worse on these signals: see the track paper." if worse else ""


def full_experiments(chosen: Leaderboard, leaderboards: Sequence[Leaderboard]) -> Iterator[dict[str, Any]]:
    """Yield what each table under the paper's own protocol says, for a task whose answer is from another protocol.

    Only signals on which all methods of a table ended well are compared: a large experiment is often measured bit by bit.

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
        ended = group.runs[group.runs["status"] == "ok"].groupby("signal")["label"].nunique()
        common = ended.index[ended == group.runs["label"].nunique()]
        if not len(common) or group.runs["label"].nunique() == 1:
            continue
        verdict = verdict_of(_on_signals(each, common))
        yield {"task": group.task, "track": group.track, "page": urls.leaderboard(group), "verdict": verdict}


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
