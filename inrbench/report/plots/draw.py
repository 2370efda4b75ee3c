"""Draw a figure of a given kind from comparable runs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from inrbench.analyse import ComparableRuns, metrics_of
from inrbench.errors import BadValue, unknown_name
from inrbench.planning.recipes import Tuned, recipes_of_track
from inrbench.report.formatting import title
from inrbench.report.plots import PLOTS, critical_difference_over_tasks, gallery, sweep
from inrbench.report.plots.sensitivity import sensitivity
from inrbench.spec import TUNED

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
    "sensitivity",
)


def figure_of(
    kind: str,
    groups: Sequence[ComparableRuns],
    results: Path,
    labels: Sequence[str] = (),
    signals: Sequence[str] = (),
    param: str | None = None,
) -> Figure:
    """Return a figure of the runs that match all filters.

    Args:
        kind: Kind of the figure, one of ``KINDS``.
        groups: The groups of comparable runs; ``critical-difference`` takes several, all other kinds need exactly one.
        results: The results folder, for the pictures of a gallery.
        labels: Labels or method names of the rows to draw; all if empty. With several groups, labels only.
        signals: The signals to draw; all if empty. Not used with several groups.
        param: The parameter of a sweep; None for all other kinds.

    Raises:
        BadValue: Several groups were given where one is needed, or ``param`` does not fit the kind.
        UnknownName: The kind, a method or a signal does not exist.
    """
    if kind not in KINDS:
        raise unknown_name("kind of figure", kind, KINDS)
    if (kind == "sweep") != (param is not None):
        raise BadValue("--param names the parameter of plot sweep; only sweep takes and needs it: plot sweep --param s_max")
    if kind == "critical-difference" and len(groups) > 1:
        limited = [replace(g, runs=g.runs[g.runs["label"].isin(labels)]) if labels else g for g in groups]
        return critical_difference_over_tasks(limited)
    group = _only(_only(_one(groups), "label", labels), "signal", signals)
    if param is not None:
        return sweep(group, param)
    if kind == "sensitivity":
        return sensitivity(
            _recipes(group, results), title(group), "".join(metric.scale_unit for metric in metrics_of(group.runs)[:1])
        )
    return gallery(group, results) if kind == "gallery" else PLOTS[kind](group)


def _recipes(group: ComparableRuns, results: Path) -> list[Tuned]:
    """Return the recipes of the methods of a group. Raises BadValue for a track without recipes."""
    if not group.track.startswith(TUNED):
        raise BadValue(
            f"plot sensitivity shows the settings of a search, and the track {group.track} has none; use --track {TUNED}"
        )
    methods = set(group.runs["method"])
    return [each for each in recipes_of_track(results, group.task, group.protocol, group.track) if each.method in methods]


def _one(groups: Sequence[ComparableRuns]) -> ComparableRuns:
    """Return the only group. Raises BadValue if there are several, which cannot be compared."""
    if len(groups) > 1:
        tables = "".join(f"\n  {title(group)}" for group in groups)
        raise BadValue(
            f"runs of {len(groups)} tables cannot share a figure; choose one with --tasks, --protocol or --track:{tables}"
        )
    return groups[0]


def _only(group: ComparableRuns, column: str, wanted: Sequence[str]) -> ComparableRuns:
    """Return a group limited to some rows (by label or method name) or to some signals."""
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
