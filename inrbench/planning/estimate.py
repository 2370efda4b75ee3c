"""Estimate how long a plan will take, from timings in the store, or else from a few steps timed on this machine."""

import math
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from inrbench.errors import StoreError
from inrbench.execute.job import Job
from inrbench.execute.local import isolated_children
from inrbench.registry import ProblemSize, Registry
from inrbench.spec import canonical_json
from inrbench.store import GPU_ELSEWHERE, LEGACY_DEFAULTS, environment, read_runs

MEASURED_RANGE = (0.8, 1.25)
"""Factors of the range around the time of earlier runs, if they were all alike: the load of the machine differs."""
TIMED_RANGE = (0.5, 2.0)
"""Factors of the range around a time that follows from a few timed steps (``benchmarks/estimates.py``)."""

Key = tuple[str, str, str, str, str, bool, str]
"""Task, method, parameters as JSON, protocol fingerprint, engine, whether it is a trial, which is evaluated less often, and the
signal; "" stands for all signals."""


@dataclass
class Estimate:
    """Estimated seconds of work of a plan.

    Args:
        ranges: The shortest and the longest time that is expected for each job, in seconds; (0, 0) if it is not known.
        measured: Number of jobs whose estimate comes from earlier runs.
        timed: Number of jobs whose estimate comes from a few steps timed on this machine.
        unknown: Number of jobs for which no estimate was possible.
        unreadable: Why signals cannot be set up, such as a user file that cannot be read. Each reason is listed once, and the
            runs report it too.
    """

    ranges: list[tuple[float, float]] = field(default_factory=list)
    measured: int = 0
    timed: int = 0
    unknown: int = 0
    unreadable: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> list[float]:
        """The geometric middle of each range."""
        return [math.sqrt(low * high) for low, high in self.ranges]

    def wall_seconds(self, workers: int) -> tuple[float, float]:
        """Return the range of seconds that ``workers`` processes need together, at least those of the longest job."""
        lows, highs = [low for low, _ in self.ranges], [high for _, high in self.ranges]
        return max(sum(lows) / workers, max(lows, default=0.0)), max(sum(highs) / workers, max(highs, default=0.0))


def estimate(jobs: Sequence[Job], results: Path, threads: int) -> Estimate:
    """Estimate how long jobs take. This takes about a second, and the random state does not change.

    For a GPU it is done in a process of its own: a context that this process kept would take memory from the runs, and a GPU in
    exclusive mode would refuse them.

    Args:
        jobs: The jobs, all on the same device.
        results: The results folder, whose timings are used if they match.
        threads: CPU threads per job.
    """
    if not jobs or not jobs[0].device.startswith("cuda"):
        return estimate_here(jobs, results, threads)
    with isolated_children(), ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(estimate_here, jobs, results, threads).result()
        except BrokenExecutor:
            return Estimate(ranges=[(0.0, 0.0)] * len(jobs), unknown=len(jobs))


def estimate_here(jobs: Sequence[Job], results: Path, threads: int) -> Estimate:
    """Estimate how long jobs take, in this process, as ``estimate`` does.

    Args:
        jobs: The jobs, all on the same device.
        results: The results folder, whose timings are used if they match.
        threads: CPU threads per job.
    """
    earlier = earlier_seconds(results, jobs[0].device) if jobs else {}
    registry = Registry(jobs[0].plugin_files) if jobs else Registry()
    found: dict[tuple[Key, ProblemSize], float | None] = {}
    total = Estimate()
    for job in jobs:
        key = _key(job)
        if known := earlier.get((*key[:-1], job.spec.signal)) or earlier.get(key):  # signals can differ in size
            total.ranges.append(known)
            total.measured += 1
            continue
        try:
            size = _size(job, registry)
        except Exception as error:  # an unreadable file, or an error in the task: its runs report it
            total.ranges.append((0.0, 0.0))
            reason = str(error) or type(error).__name__
            if reason not in total.unreadable:
                total.unreadable.append(reason)
            continue
        if (key, size) not in found:
            from inrbench.planning.timed_steps import time_steps  # imports torch, which tables and reports do not need

            found[key, size] = time_steps(job, registry, size, threads)
        seconds = found[key, size]
        total.unknown += seconds is None
        total.timed += seconds is not None
        total.ranges.append((0.0, 0.0) if seconds is None else (TIMED_RANGE[0] * seconds, TIMED_RANGE[1] * seconds))
    return total


def earlier_seconds(results: Path, device: str) -> dict[Key, tuple[float, float]]:
    """Return the range of wall seconds, by ``Key``, of the stored runs that ended ok on this machine.

    If the runs go to GPUs of other machines, those of all GPUs count.
    """
    key = ["task", "method", "params_json", "protocol_fingerprint", "engine"]
    facts = ["device_name", "device_class", "cpu_model", "memory_bytes", "track", "signal"]
    try:
        frame = read_runs(results, [*key, *facts, "wall_seconds"]).table.to_pandas()
    except StoreError:
        return {}
    here = environment(device, 1, 1, (None, None))
    # hardware_id cannot be compared: a pinned worker counts only its own cores, and this process is not pinned
    same = (frame["device_name"] == here.device_name) & (frame["cpu_model"] == here.cpu_model)
    same &= (frame["memory_bytes"] / 2**30).round() == round(here.memory_bytes / 2**30)
    if here.device_name == GPU_ELSEWHERE:
        same = frame["device_class"] == "cuda"
    frame = frame[(frame["status"] == "ok") & same]
    frame = frame.assign(trial=frame["track"] == "search", engine=frame["engine"].fillna(LEGACY_DEFAULTS["engine"]))
    spans = frame.groupby([*key, "trial", "signal"])["wall_seconds"].agg(["min", "max", "sum", "count"])
    of_all = spans.groupby([*key, "trial"]).agg({"min": "min", "max": "max", "sum": "sum", "count": "sum"})
    of_all = of_all.assign(signal="").set_index("signal", append=True)
    below, above = MEASURED_RANGE
    return {
        found: (min(low, below * total / count), max(high, above * total / count))
        for table in (spans, of_all)
        for found, low, high, total, count in table.itertuples(name=None)
    }


def _key(job: Job) -> Key:
    spec = job.spec
    params = canonical_json(dict(spec.params))
    return spec.task, spec.method, params, spec.protocol_fingerprint, spec.engine, spec.track == "search", ""


def _size(job: Job, registry: Registry) -> ProblemSize:
    task = registry.task(job.spec.task)
    if job.signal_file:
        task.register_file(Path(job.signal_file))
    return task.size(job.spec.signal, job.protocol)
