"""One figure of a kind, from runs that may share one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from inrbench.analyse import ComparableRuns
from inrbench.errors import BadValue, unknown_name
from inrbench.report.formatting import title
from inrbench.report.plots import PLOTS, critical_difference_over_tasks, gallery, sweep

KINDS = (
    "curves",
    "pareto",
    "gradients",
    "activations",
    "ntk",
    "spectrum",
    "sweep",
    "critical-difference",
    "per-signal",
    "gallery",
)


def figure_of(
    kind: str,
    groups: Sequence[ComparableRuns],
    results: Path,
    labels: Sequence[str] = (),
    signals: Sequence[str] = (),
    param: str | None = None,
) -> Figure:
    """Return a figure of the runs that all limits leave. ``param``: the parameter of a sweep.

    Raises BadValue for several groups where one is needed, UnknownName for a kind, a method or a signal that is not there.
    """
    if kind not in KINDS:
        raise unknown_name("kind of figure", kind, KINDS)
    if (kind == "sweep") != (param is not None):
        raise BadValue("--param names the parameter of plot sweep, and of nothing else: plot sweep --param s_max")
    if kind == "critical-difference" and len(groups) > 1:
        limited = [replace(g, runs=g.runs[g.runs["label"].isin(labels)]) if labels else g for g in groups]
        return critical_difference_over_tasks(limited)
    group = _only(_only(_one(groups), "label", labels), "signal", signals)
    if param is not None:
        return sweep(group, param)
    return gallery(group, results) if kind == "gallery" else PLOTS[kind](group)


def _one(groups: Sequence[ComparableRuns]) -> ComparableRuns:
    """Return the only group. Raises BadValue for several: they cannot be compared."""
    if len(groups) > 1:
        held = "; ".join(title(group) for group in groups)
        raise BadValue(f"runs of {len(groups)} tables cannot share a figure; choose by --tasks, --protocol, --track: {held}")
    return groups[0]


def _only(group: ComparableRuns, column: str, wanted: Sequence[str]) -> ComparableRuns:
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
            raise unknown_name(f"{'method' if column == 'label' else 'signal'} among these runs", word, known)
    return replace(group, runs=runs[kept])
