"""Check whether a protocol is sound, from stored runs: ``python benchmarks/soundness.py RESULTS PROTOCOL [OUT.json OUT.png]``.

For each task with runs of the protocol:

(a) settled: by how much the median method changes its primary metric over the last tenth of the steps: in dB; for errors, in
    decades; else in percent of its value. The value of older runs, whose curve has no point at nine tenths, is interpolated in
    the logarithm of the step.
(b) trained: which methods did not train on a signal. For a protocol to be sound, there must be none on the track ``tuned``.
(c) apart: whether the seeds tell the first from the fifth method: on how many signals the difference of their means over seeds is
    larger than twice its standard error. None with fewer than three seeds.

The picture shows (a): for each task and track, the change of each method as a share of the limit.
"""

import json
import math
import statistics
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from inrbench.analyse import leaderboards
from inrbench.analyse.aggregate import seed_scores, untrained, usable
from inrbench.analyse.leaderboard import Leaderboard
from inrbench.report.plots.style import marker_styles, panels, plot_style
from inrbench.report.registered import is_present

FIFTH = 5
LIMITS = {"dB": 0.2, "decades": 0.02, "percent": 2.0}
"""Largest change of the median method over the last tenth of the steps."""


def trained_points(curve: list[dict[str, float]]) -> list[tuple[int, float]]:
    """Return the steps of a learning curve with their values; none for a model that was solved."""
    return [(p["step"], p["value"]) for p in curve if p["value"] is not None and p["lr"]]


def settled(table: Leaderboard) -> dict[str, float]:
    """Return method -> mean change of the primary metric over the last tenth of the steps, on its scale."""
    metric, changes = table.metrics[0], {}
    for label, runs in table.group.runs[usable(table.group.runs)].groupby("label"):
        found = []
        for curve in runs["curve"]:
            points = trained_points(curve)
            if len(points) < 2:  # it was solved, not trained
                continue
            steps, values = zip(*((step, metric.to_scale(value)) for step, value in points), strict=True)
            before = np.interp(math.log(0.9 * steps[-1]), np.log(steps), values)
            change = abs(values[-1] - before)
            found.append(change if metric.unit or metric.scale == "log" else 100 * change / abs(values[-1]))
        if found:
            changes[str(label)] = statistics.fmean(found)
    return changes


def failed(runs: pd.DataFrame) -> "pd.Series[bool]":
    """Return a mask of the runs that diverged or failed."""
    return ~runs["status"].isin(["ok", "skipped"])


def apart(table: Leaderboard) -> dict[str, object] | None:
    """Return on how many signals the first and the fifth method are apart by more than twice the standard error over seeds."""
    rows = [row for row in table.rows if row.complete and row.trained and not row.solved]
    if len(rows) < FIFTH or rows[0].seeds[0] < 3:
        return None
    first, fifth = rows[0].label, rows[FIFTH - 1].label
    frame = seed_scores(table.group, table.metrics[0])
    signals, clear = 0, 0
    for _, values in frame[frame["label"].isin([first, fifth])].groupby("signal"):
        a, b = (values.loc[values["label"] == label, "value"].to_numpy() for label in (first, fifth))
        if min(len(a), len(b)) < 3:
            continue
        error = math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        signals += 1
        clear += abs(a.mean() - b.mean()) > 2 * error
    return {"first": first, "fifth": fifth, "signals": signals, "apart": int(clear)} if signals else None


def interpolated(table: Leaderboard) -> int:
    """Return the number of runs whose learning curve has no point at nine tenths of the steps."""
    curves = [dict(trained_points(curve)) for curve in table.group.runs.loc[usable(table.group.runs), "curve"]]
    return sum(len(values) > 1 and round(0.9 * max(values)) not in values for values in curves)


def unit_of(table: Leaderboard) -> str:
    """Return the unit of changes of the primary metric."""
    metric = table.metrics[0]
    return "decades" if metric.scale == "log" else metric.unit or "percent"


def draw(tables: list[Leaderboard], path: Path) -> None:
    """Draw the change of each method over the last tenth of the steps, as a share of the limit; the median is a line."""
    with plot_style():
        figure, (axes,) = panels(1, "change of the primary metric over the last tenth of the steps", 0.8 + 0.3 * len(tables))
        styles, named = marker_styles({row.label for table in tables for row in table.rows}), set()
        for place, table in enumerate(tables):
            shares = {label: change / LIMITS[unit_of(table)] for label, change in settled(table).items()}
            for label, share in shares.items():
                name = None if label in named else label
                named.add(label)
                axes.plot(max(share, 1e-2), place, label=name, **styles[label])
            if shares:
                axes.plot([statistics.median(shares.values())] * 2, [place - 0.3, place + 0.3], color="#444444", linewidth=1)
        axes.axvline(1, color="#999999", linewidth=0.8)
        axes.set(xscale="log", xlabel="share of the limit (0.2 dB, 0.02 decades, 2 %)")
        axes.set_yticks(range(len(tables)), [f"{t.group.task}, {t.group.track}" for t in tables])
        axes.invert_yaxis()
        figure.legend(fontsize=5, ncol=4, loc="outside lower center")
        figure.savefig(path)


def soundness(table: Leaderboard) -> dict[str, object]:
    metric, runs = table.metrics[0], table.group.runs
    changes = settled(table)
    median = statistics.median(changes.values()) if changes else None
    unit = unit_of(table)
    return {
        "track": table.group.track,
        "metric": metric.id,
        "signals": len(table.signals),
        "seeds": table.seeds,
        "methods": len(table.rows),
        f"change of the median method over the last tenth ({unit})": None if median is None else round(median, 4),
        f"change of each method ({unit})": {label: round(change, 4) for label, change in sorted(changes.items())},
        "runs in which this is interpolated": interpolated(table),
        "did not train": sorted({f"{r.label} on {r.signal}" for r in runs[untrained(runs) | failed(runs)].itertuples()}),
        "first and fifth method": apart(table),
    }


def present(table: Leaderboard) -> bool:
    """Return whether a table was measured on a CPU with the fast engine under the present edition of its protocol."""
    group = table.group
    found = is_present(group.task, group.protocol, group.fingerprint)
    if not found:
        print(f"left out: {group.task}, track {group.track}, an earlier edition of {group.protocol} ({group.fingerprint})")
    return found and (group.device_class, group.engine) == ("cpu", "fast")


def main(results: Path, protocol: str, out: Path | None, picture: Path | None) -> None:
    tables = [t for t in leaderboards(results, protocols=[protocol], curves=True) if t.metrics and present(t)]
    report = {f"{t.group.task}, track {t.group.track}": soundness(t) for t in tables}
    text = json.dumps(report, indent=1)
    print(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
    if picture is not None:
        draw(tables, picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], *(Path(sys.argv[i]) if len(sys.argv) > i else None for i in (3, 4)))
