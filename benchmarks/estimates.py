"""Compare estimated with actual times of runs: ``python benchmarks/estimates.py OUT.json``.

Estimates come from a short timing, as on a machine without results. Each run of the suite ``quick`` with a few methods is then
carried out, one after another. Written are the ratios of actual to estimated seconds, and the share of runs within the range
that the plan prints.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

import inrbench
from inrbench.planning import RunOptions, estimate, make_plan
from inrbench.runner import QuietObserver
from inrbench.store import physical_cores

METHODS = ["siren", "msa", "wire", "finer", "relu-pe"]


def main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        options = RunOptions(methods=",".join(METHODS), suite="quick", device="cpu", jobs=1, results=Path(folder))
        (request,) = options.requests()
        jobs = make_plan(request, {})[0].todo
        ranges = estimate(jobs, options.results, physical_cores()).ranges
        found = inrbench.run(
            METHODS, suite="quick", device="cpu", jobs=1, artifacts="none", results=folder, observer=QuietObserver()
        ).to_pandas()
    seconds = dict(zip(found["run_id"], found["wall_seconds"], strict=True))
    report, ratios, within = {}, [], 0
    for job, (low, high) in zip(jobs, ranges, strict=True):
        actual = seconds[job.spec.run_id]
        ratios.append(actual / (low * high) ** 0.5)
        within += low <= actual <= high
        report[job.spec.title] = {"low_s": round(low, 1), "high_s": round(high, 1), "actual_s": round(actual, 1)}
    ratios.sort()
    summary = {
        "runs": len(jobs),
        "within the range": within,
        "actual / estimated": {
            "lowest": round(ratios[0], 2), "median": round(statistics.median(ratios), 2), "highest": round(ratios[-1], 2),
        },
        "total_s": {"low": round(sum(low for low, _ in ranges)), "high": round(sum(high for _, high in ranges)),
                    "actual": round(sum(seconds.values()))},
    }  # fmt: skip
    out.write_text(json.dumps({**summary, "by run": report}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
