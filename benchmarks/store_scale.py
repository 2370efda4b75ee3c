"""Measure a store of 100,000 runs and eight concurrent writers: ``python benchmarks/store_scale.py OUT.json [RUNS]``.

Each writer is a process that writes 500 runs. The time and peak memory of each operation are measured in a separate process,
which imports the same modules as the command.
"""

import functools
import json
import multiprocessing
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from inrbench.spec import CurvePoint, Measurement, Metric, RunResult
from inrbench.store import (
    Attempt,
    Environment,
    append,
    compact_in_place,
    environment,
    export_compact,
    finished_runs,
    read_runs,
    verify,
)
from inrbench.store.write import attempt_folder, compacted_name, parquet_bytes

if TYPE_CHECKING:
    from inrbench.execute import Job
    from inrbench.planning import Plan

WRITERS, EACH = 8, 500
LOOSE = 500
"""Files of one attempt, in addition to the merged ones. If there are more, a command merges them when it ends."""
PSNR = Metric(id="psnr@test", unit="dB", higher_is_better=True)


def jobs(n_runs: int) -> "list[Job]":
    """Return the first so many runs that all methods with more and more seeds on the 1-D functions are."""
    return planned(n_runs, {}).todo[:n_runs]


def planned(n_runs: int, finished: dict[str, str]) -> "Plan":
    """Return a plan of at least so many runs: imports and all."""
    from inrbench.planning import Request, make_plan

    def plan_of(n_seeds: int) -> "Plan":
        request = Request(methods="all", tasks="function1d", protocol="quick", seeds=tuple(range(n_seeds)))
        return make_plan(request, finished)[0]

    return plan_of(-(-n_runs // plan_of(1).total))


@functools.cache
def here() -> Environment:
    """Return this machine, asked once."""
    return environment("cpu", 1, 1, (None, None))


def attempt(job: "Job") -> Attempt:
    """Return what a run leaves: as many points of a curve and metrics as the quick protocol has."""
    metrics = tuple(Measurement(metric=Metric(id=name, higher_is_better=False), value=0.1) for name in job.protocol.metrics[1:])
    curve = tuple(CurvePoint(step=step, train_seconds=step / 9, loss=0.1, lr=1e-3, value=0.2) for step in range(10))
    result = RunResult(spec=job.spec, status="ok", metrics=(Measurement(metric=PSNR, value=1.5), *metrics), curve=curve)
    return Attempt(
        result=result, protocol=job.protocol, plugin_origin="builtin", environment=here(), started_at=datetime.now(UTC)
    )


def fill(results: Path, n_runs: int, loose: int) -> None:
    """Write a store; not flushed file by file, which would take most of the time."""
    groups = defaultdict[tuple[str, str], "list[Job]"](list)
    todo = jobs(n_runs)
    for job in todo[loose:]:
        groups[job.spec.task, job.spec.method].append(job)
    for pair, group in groups.items():
        content = parquet_bytes(pa.concat_tables([attempt(job).table() for job in group]).combine_chunks(), 9)
        folder = attempt_folder(results, *pair)
        folder.mkdir(parents=True)
        (folder / compacted_name(content)).write_bytes(content)
    for job in todo[:loose]:
        each = attempt(job)
        folder = attempt_folder(results, job.spec.task, job.spec.method)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{job.spec.run_id}.{each.attempt_id}.ok.parquet").write_bytes(parquet_bytes(each.table()))


def write_some(results: Path, writer: int) -> None:
    """Write one writer's share."""
    for job in jobs(WRITERS * EACH)[writer::WRITERS]:
        append(results, attempt(job))


def write_all(results: Path) -> dict[str, Any]:
    """Let all writers write at once, and read and merge meanwhile."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_some, args=(results, number)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    readings = unreadable = 0
    while any(writer.is_alive() for writer in writers):
        if results.exists():
            compact_in_place(results)
            unreadable += len(read_runs(results, ["run_id"]).unreadable)
            readings += 1
        time.sleep(0.5)
    compact_in_place(results)
    expected = {job.spec.run_id for job in jobs(WRITERS * EACH)}
    stored = read_runs(results).table["run_id"].to_pylist()
    return {"writers": WRITERS, "runs per writer": EACH, "writers that failed": sum(bool(writer.exitcode) for writer in writers),
            "lost": len(expected - set(stored)), "counted twice": len(stored) - len(set(stored)), "merged and read meanwhile": readings,
            "files that could not be read": unreadable, "not in order afterwards": len(verify(results).faults)}  # fmt: skip


def nothing(results: Path, n_runs: int) -> None:
    """Only import."""


def resume(results: Path, n_runs: int) -> None:
    """Tell what is finished."""
    assert len(finished_runs(results)) == n_runs


def plan(results: Path, n_runs: int) -> None:
    """Plan the whole of it again."""
    assert len(planned(n_runs, finished_runs(results)).done) == n_runs


def compacted(results: Path, n_runs: int) -> None:
    """Compact elsewhere."""
    with tempfile.TemporaryDirectory() as target:
        assert sum(export_compact(results, Path(target)).written.values()) == n_runs


def packed(results: Path, n_runs: int) -> None:
    """Merge where they lie."""
    compact_in_place(results)
    assert len(finished_runs(results)) == n_runs


def _timed(act: Callable[[Path, int], None], results: Path, n_runs: int, report: Path) -> None:
    start = time.perf_counter()
    act(results, n_runs)
    seconds = time.perf_counter() - start
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())  # ru_maxrss starts at the parent's value
    report.write_text(json.dumps({"seconds": round(seconds, 2), "peak MiB": int(peak) >> 10}))


def timed(act: Callable[[Path, int], None], results: Path, n_runs: int) -> dict[str, float]:
    """Return seconds and memory of an act in a process of its own."""
    report = results.with_suffix(".json")
    process = multiprocessing.get_context("spawn").Process(target=_timed, args=(act, results, n_runs, report))
    process.start()
    process.join()
    assert process.exitcode == 0
    summary: dict[str, float] = json.loads(report.read_text())
    return summary


def main() -> None:
    """Measure and write."""
    n_runs = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    found: dict[str, Any] = {"runs": n_runs}
    with tempfile.TemporaryDirectory() as scratch:
        found["concurrent writers"] = write_all(Path(scratch) / "together")
        usual, loose = Path(scratch) / "usual", Path(scratch) / "loose"
        fill(usual, n_runs, LOOSE)
        found[f"merged, but for {LOOSE} files of one run"] = {
            act.__name__: timed(act, usual, n_runs) for act in (nothing, resume, plan, compacted, packed)
        }
        fill(loose, n_runs, n_runs)
        found["one file per run"] = {act.__name__: timed(act, loose, n_runs) for act in (resume, plan, packed)}
    Path(sys.argv[1]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
