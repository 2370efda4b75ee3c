"""Draw how ranks depend on capacity and on budget: ``python benchmarks/regime.py RESULTS TASK PROTOCOL OUT``.

It reads runs of a protocol with other widths or other numbers of epochs, and nothing else changed:

    inrbench run --methods msa,siren --tasks kodak --signals kodim01,kodim02,kodim03 --protocol standard --set width=48 \\
        --track paper

With ``--track tuned`` the recipes are those of the unchanged protocol. Only runs on a CPU with the fast engine are drawn.
It writes ``OUT-capacity.png`` (the primary metric against parameters per value of the first signal), ``OUT-budget.png`` (against the number
of steps) and ``OUT.json`` with the numbers. Only signals that every width (or every budget) has are averaged, and a method
takes part if it was run on all of them.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from inrbench.analyse import comparable_runs
from inrbench.analyse.aggregate import scores_by_signal
from inrbench.analyse.runs import ComparableRuns, metrics_of
from inrbench.registry import Registry
from inrbench.report.plots.style import line_styles, panels, plot_style
from inrbench.spec import Metric, ProtocolLabel

AXES = {"width": "parameters per fitted value", "epochs": "passes over the points"}
Lines = Mapping[str, Mapping[float, float]]
"""Method -> position on the axis -> mean of the metric over signals."""


def groups_that_change(groups: list[ComparableRuns], field: str) -> list[ComparableRuns]:
    """Return the groups whose protocol is unchanged, or changed in one field alone."""
    return [group for group in groups if set(ProtocolLabel.parse(group.protocol).changes) <= {field}]


def position(group: ComparableRuns, field: str, registry: Registry) -> float:
    """Return the place of a group on the axis of a field."""
    label = ProtocolLabel.parse(group.protocol)
    task = registry.task(group.task)
    protocol = task.protocol(label.name, label.changes)
    if field == "epochs":
        return float(protocol.epochs)
    size = task.size(str(group.runs["signal"].iloc[0]), protocol)
    usual = group.runs[group.runs["method"] == "siren"]["n_params"].dropna()
    params = float((usual if len(usual) else group.runs["n_params"].dropna()).median())
    return params / (size.n_points * size.out_features)


def lines_of(groups: list[ComparableRuns], field: str, registry: Registry) -> tuple[Metric, Lines, list[str]]:
    """Return the metric, a line for each method, and the signals that are averaged."""
    metric = metrics_of(groups[0].runs)[0]
    tables = {position(group, field, registry): scores_by_signal(group, metric) for group in groups}
    signals = sorted(set.intersection(*(set(table.index) for table in tables.values())))
    lines: dict[str, dict[float, float]] = {}
    for place, table in sorted(tables.items()):
        for label, values in table.loc[signals].items():
            if values.notna().all():
                lines.setdefault(str(label), {})[place] = float(metric.from_scale(values.mean()))
    whole = {label: line for label, line in lines.items() if len(line) == len(tables)}
    return metric, whole, signals


def draw(lines: Lines, field: str, metric: Metric, title: str, path: Path) -> None:
    with plot_style():
        figure, (axes,) = panels(1, title, height=2.6)
        styles = line_styles(lines)
        for label, line in lines.items():
            axes.plot(list(line), list(line.values()), marker="o", markersize=3, label=label, **styles[label])
        axes.set(xscale="log", xlabel=AXES[field], ylabel=f"{metric.id} ({metric.unit})" if metric.unit else metric.id)
        if metric.scale == "log":
            axes.set_yscale("log")
        places = sorted({place for line in lines.values() for place in line})
        axes.set_xticks(places, [f"{place:.2g}" if field == "width" else f"{place:,.0f}" for place in places])
        axes.minorticks_off()
        axes.legend(fontsize=6)
        figure.savefig(path)


def main(results: Path, task: str, protocol: str, out: Path) -> None:
    registry, report = Registry(), {}
    tracks: dict[str, list[ComparableRuns]] = {}
    for group in comparable_runs(results, columns=["n_params", "metrics"], tasks=[task]):
        if ProtocolLabel.parse(group.protocol).name == protocol and (group.device_class, group.engine) == ("cpu", "fast"):
            tracks.setdefault(group.track, []).append(group)
    for track, groups in tracks.items():
        for field, name in (("width", "capacity"), ("epochs", "budget")):
            chosen = groups_that_change(groups, field)
            if len(chosen) < 2:
                continue
            metric, lines, signals = lines_of(chosen, field, registry)
            if not lines:
                continue
            title = f"{task}, {protocol}, track {track}: {len(signals)} signal(s)"
            path = Path(f"{out}-{track}-{name}.png")
            draw(lines, field, metric, title, path)
            report[f"{name}, track {track}"] = {"metric": metric.id, "axis": AXES[field], "signals": signals, "means": lines}
            print(f"wrote {path}")
    Path(f"{out}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
