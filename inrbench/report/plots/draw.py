"""One figure of a kind, from runs that may share one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from inrbench.analyse import Group
from inrbench.errors import BadValue, unknown
from inrbench.report.plots import PLOTS, critical_difference_over_tasks, gallery, sweep
from inrbench.report.words import title

KINDS = ("curves", "pareto", "gradients", "activations", "ntk", "spectrum", "sweep", "critical-difference", "per-signal",
         "gallery")  # fmt: skip


def figure_of(
    kind: str, groups: Sequence[Group], results: Path, labels: Sequence[str] = (), signals: Sequence[str] = (),
    over: str | None = None,
) -> Figure:  # fmt: skip
    """Return a figure of the runs that all limits leave. ``over``: the parameter of a sweep.

    Raises BadValue for several groups where one is needed, UnknownName for a kind, a method or a signal that is not there.
    """
    if kind not in KINDS:
        raise unknown("kind of figure", kind, KINDS)
    if (kind == "sweep") != (over is not None):
        raise BadValue("--over names the parameter of plot sweep, and of nothing else: plot sweep --over s_max")
    if kind == "critical-difference" and len(groups) > 1:
        limited = [replace(g, runs=g.runs[g.runs["label"].isin(labels)]) if labels else g for g in groups]
        return critical_difference_over_tasks(limited)
    group = _only(_only(_one(groups), "label", labels), "signal", signals)
    if over is not None:
        return sweep(group, over)
    return gallery(group, results) if kind == "gallery" else PLOTS[kind](group)


def _one(groups: Sequence[Group]) -> Group:
    """Return the only group. Raises BadValue for several: they cannot be compared."""
    if len(groups) > 1:
        held = "; ".join(title(group) for group in groups)
        raise BadValue(f"runs of {len(groups)} tables cannot share a figure; choose by --tasks, --protocol, --track: {held}")
    return groups[0]


def _only(group: Group, column: str, wanted: Sequence[str]) -> Group:
    """Return a group limited to rows by label, or by method name, or to signals."""
    if not wanted:
        return group
    runs = group.runs
    kept = runs[column].isin(wanted)
    known = set(runs[column])
    if column == "label":
        kept |= runs["method"].isin(wanted)
        known |= set(runs["method"])
    for word in wanted:
        if word not in known:
            raise unknown(f"{'method' if column == 'label' else 'signal'} among these runs", word, known)
    return replace(group, runs=runs[kept])
