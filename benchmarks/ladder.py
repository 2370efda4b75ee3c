"""Draw where each method breaks on ladders of signals: ``python benchmarks/ladder.py RESULTS PROTOCOL OUT.png OUT.json [TASKS]``.

Each equation task has signals of increasing frequency. A panel shows the relative l2 error of each method against the highest
frequency of the solution, in half waves across the domain. An error of 1 is that of the zero function. The task ``pattern`` has
noise of increasing bandwidth; its panel shows the primary metric against the bandwidth in percent of the Nyquist frequency.
TASKS is comma-separated; without it, all equations are drawn. Runs that ended early have no point. Only runs on a CPU with the
fast engine are drawn, and only those under the present edition of the protocol.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inrbench.analyse import comparable_runs
from inrbench.analyse.aggregate import scores_by_signal
from inrbench.analyse.runs import ComparableRuns, metrics_of
from inrbench.errors import UnknownName
from inrbench.report.plots.style import line_styles, panels, plot_style
from inrbench.report.registered import is_present

POSITIONS = {
    "pattern": {f"noise-{percent}": percent for percent in (5, 10, 20, 30, 40, 60, 75, 90)},
    "heat1d": {f"b{b}": b for b in (3, 5, 10, 15, 20, 35, 50, 100, 500)},
    "advection1d": {**{f"b{b}-periodic": max(2.0, b / np.pi) for b in (3, 5, 10, 15, 20, 30, 40, 60)}, "b200-inflow": 200 / np.pi},
    "helmholtz2d": {f"sin1sin{k}": 2 * k for k in (1, 2, 3, 4, 5, 6, 8, 10, 12)},
    "poisson2d": {
        **{f"sin1sin{k}": k for k in (2, 3, 5, 7, 14, 20)}, "ablation": 10, "sin6cos20": 26 * 2, "sin100": 200,
    },
    "allen-cahn2d": {"smooth": 1, **{f"sin{k}": k for k in (2, 3, 4, 6, 8, 11, 16)}, "mix": 100 / np.pi},
}  # fmt: skip
"""Task -> signal -> half waves of the solution's fastest part across the domain, or bandwidth in percent."""
EQUATIONS = tuple(task for task in POSITIONS if task != "pattern")


def lines_of(group: ComparableRuns) -> dict[str, list[tuple[float, float, str]]]:
    """Return method -> (position, mean over seeds, signal), from the slowest to the fastest signal."""
    metric = metrics_of(group.runs)[0]
    table = scores_by_signal(group, metric, group.runs["status"] == "ok")
    positions = POSITIONS[group.task]
    return {
        str(label): sorted(
            (positions[signal], float(metric.from_scale(value)), signal)
            for signal, value in values.items()
            if np.isfinite(value) and signal in positions
        )
        for label, values in table.items()
    }


def main(results: Path, protocol: str, picture: Path, out: Path, tasks: Sequence[str] = EQUATIONS) -> None:
    found = {}
    for task in tasks:
        try:
            groups = comparable_runs(results, columns=["metrics"], tasks=[task])
        except UnknownName:
            continue
        for group in groups:
            here = is_present(group.task, group.protocol, group.fingerprint)
            if here and group.protocol == protocol and (group.device_class, group.engine) == ("cpu", "fast"):
                found[f"{task}, track {group.track}"] = lines_of(group)
    if not found:
        sys.exit(f"none of {', '.join(tasks)} has runs of protocol {protocol} in {results}")
    with plot_style():
        figure, axes = panels(len(found), f"primary metric against frequency, protocol {protocol}", height=2.0)
        styles = line_styles({label for lines in found.values() for label in lines})
        named: set[str] = set()
        for axis, (name, lines) in zip(axes, found.items(), strict=True):
            for label, line in lines.items():
                text = None if label in named else label
                named.add(label)
                axis.plot(
                    [w for w, _, _ in line], [e for _, e, _ in line], marker="o", markersize=2.5, label=text, **styles[label]
                )
            if name.startswith("pattern"):
                axis.set(title=name, xlabel="bandwidth (% of Nyquist)", ylabel="PSNR (dB)")
            else:
                axis.axhline(1, color="#999999", linewidth=0.6)
                axis.set(xscale="log", yscale="log", title=name, xlabel="half waves", ylabel="relative l2")
        figure.legend(fontsize=5, ncol=4, loc="outside lower center")
        figure.savefig(picture)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {picture} and {out}")


if __name__ == "__main__":
    chosen = sys.argv[5].split(",") if len(sys.argv) > 5 else EQUATIONS
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), chosen)
