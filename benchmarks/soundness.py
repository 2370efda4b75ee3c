"""Check whether a protocol is sound, from stored runs: ``python benchmarks/soundness.py RESULTS PROTOCOL [OUT.json]``.

For each task with runs of the protocol:

(a) settled: by how much the median method changes its primary metric over the last tenth of the steps: in dB; for errors, in
    decades; else in percent of its value. The value before the last tenth is interpolated in the logarithm of the step.
(b) trained: which methods did not train on a signal. For a protocol to be sound, there must be none on the track ``tuned``.
(c) apart: whether the seeds tell the first from the fifth method: on how many signals the difference of their means over seeds is
    larger than twice its standard error. None with fewer than three seeds.
"""

import json
import math
import statistics
import sys
from pathlib import Path

import numpy as np

from inrbench.analyse import leaderboards
from inrbench.analyse.aggregate import seed_scores, untrained, usable
from inrbench.analyse.leaderboard import Leaderboard

FIFTH = 5


def settled(table: Leaderboard) -> dict[str, float]:
    """Return method -> mean change of the primary metric over the last tenth of the steps, on its scale."""
    metric, changes = table.metrics[0], {}
    for label, runs in table.group.runs[usable(table.group.runs)].groupby("label"):
        found = []
        for curve in runs["curve"]:
            points = [(p["step"], metric.to_scale(p["value"])) for p in curve if p["value"] is not None and p["lr"]]
            if len(points) < 2:  # it was solved, not trained
                continue
            steps, values = zip(*points, strict=True)
            before = np.interp(math.log(0.9 * steps[-1]), np.log(steps), values)
            change = abs(values[-1] - before)
            found.append(change if metric.unit or metric.scale == "log" else 100 * change / abs(values[-1]))
        if found:
            changes[str(label)] = statistics.fmean(found)
    return changes


def apart(table: Leaderboard) -> dict[str, object] | None:
    """Return on how many signals the first and the fifth method are apart by more than twice the standard error over seeds."""
    rows = [row for row in table.rows if row.complete and row.trained]
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
    return {"first": first, "fifth": fifth, "signals": signals, "apart": int(clear)}


def soundness(table: Leaderboard) -> dict[str, object]:
    metric, runs = table.metrics[0], table.group.runs
    changes = settled(table)
    median = statistics.median(changes.values()) if changes else None
    unit = "decades" if metric.scale == "log" else metric.unit or "percent"
    return {
        "track": table.group.track,
        "metric": metric.id,
        "signals": len(table.signals),
        "seeds": table.seeds,
        "methods": len(table.rows),
        f"change of the median method over the last tenth ({unit})": None if median is None else round(median, 4),
        f"change of each method ({unit})": {label: round(change, 4) for label, change in sorted(changes.items())},
        "did not train": sorted({f"{r.label} on {r.signal}" for r in runs[untrained(runs)].itertuples()}),
        "first and fifth method": apart(table),
    }


def main(results: Path, protocol: str, out: Path | None) -> None:
    tables = [t for t in leaderboards(results, protocols=[protocol], curves=True) if t.metrics]
    report = {f"{t.group.task}, track {t.group.track}": soundness(t) for t in tables}
    text = json.dumps(report, indent=1)
    print(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]) if len(sys.argv) > 3 else None)
