"""How long a plan will take: by the store's earlier timings where it has them, else by a few steps timed on this machine."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from inrbench.errors import InrbenchError, StoreError
from inrbench.execute.job import Job
from inrbench.nn import LinearModel, Solver
from inrbench.registry import ProblemSize, Registry
from inrbench.spec import NetworkSpec, canonical_json
from inrbench.store import environment, read_runs

SAMPLE_POINTS = {"cpu": 512, "cuda": 65536}
TIMED_STEPS = 2
LINEAR_ITERATIONS = 100
"""What a solution by least squares is taken to need."""

Key = tuple[str, str, str, str]
"""Task, method, parameters, protocol fingerprint."""


@dataclass
class Estimate:
    """Seconds of work, by job; ``measured`` of them come from earlier runs, ``unknown_name`` could not be estimated."""

    seconds: list[float] = field(default_factory=list)
    measured: int = 0
    unknown: int = 0
    unreadable: list[str] = field(default_factory=list)
    """Why files of the user's cannot be fitted, each once; their runs will say so too."""

    def wall_seconds(self, workers: int) -> float:
        """Return how long ``workers`` processes will take together; never less than the longest job."""
        return max(sum(self.seconds) / workers, max(self.seconds, default=0.0))


def estimate(jobs: Sequence[Job], results: Path, threads: int) -> Estimate:
    """Return what jobs will take with ``threads`` CPU threads each. Takes a second or so; changes no random state."""
    earlier = earlier_seconds(results, jobs[0].device) if jobs else {}
    registry = Registry(jobs[0].plugin_files) if jobs else Registry()
    calibrated: dict[tuple[Key, ProblemSize], float | None] = {}
    total = Estimate()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for job in jobs:
            key = _key(job)
            if key in earlier:
                total.seconds.append(earlier[key])
                total.measured += 1
                continue
            try:
                size = _size(job, registry)
            except Exception as error:  # a file that cannot be read, or a task's own fault: its runs will say so
                total.seconds.append(0.0)
                reason = str(error) or type(error).__name__
                if reason not in total.unreadable:
                    total.unreadable.append(reason)
                continue
            if (key, size) not in calibrated:
                calibrated[key, size] = _calibrate(job, registry, size)
            seconds = calibrated[key, size]
            total.unknown += seconds is None
            total.seconds.append(seconds or 0.0)
    finally:
        torch.set_num_threads(before)
    return total


def earlier_seconds(results: Path, device: str) -> dict[Key, float]:
    """Return the mean wall seconds of the runs in a results folder that this machine finished."""
    key = ["task", "method", "params_json", "protocol_fingerprint"]
    try:
        frame = read_runs(results, [*key, "device_name", "cpu_model", "memory_bytes", "wall_seconds"]).table.to_pandas()
    except StoreError:
        return {}
    here = environment(device, 1, 1, (None, None))
    # not by hardware_id: a worker that is pinned to its cores counts no others, and this process is not pinned
    same = (frame["device_name"] == here.device_name) & (frame["cpu_model"] == here.cpu_model)
    same &= (frame["memory_bytes"] / 2**30).round() == round(here.memory_bytes / 2**30)
    frame = frame[(frame["status"] == "ok") & same]
    means: Mapping[Key, float] = frame.groupby(key)["wall_seconds"].mean().to_dict()
    return dict(means)


def _key(job: Job) -> Key:
    spec = job.spec
    return spec.task, spec.method, canonical_json(dict(spec.params)), spec.protocol_fingerprint


def _size(job: Job, registry: Registry) -> ProblemSize:
    task = registry.task(job.spec.task)
    if job.signal_file:
        task.register_file(Path(job.signal_file))
    return task.size(job.spec.signal, job.protocol)


def _calibrate(job: Job, registry: Registry, size: ProblemSize) -> float | None:
    """Return the seconds of all steps of a job, from a few steps on a small batch; None if that cannot be known safely.

    A plugin that is not built in is not run here: it may hang or crash, and there is no worker around it. Nor is a method that
    fits itself. An equation is set up, since derivatives are what its step costs; any other problem is like any values.
    """
    if job.plugin_origin != "builtin":
        return None
    device, protocol, task = torch.device(job.device), job.protocol, registry.task(job.spec.task)
    points = min(SAMPLE_POINTS[device.type], protocol.batch or size.n_points, size.n_points)
    net = NetworkSpec(
        in_features=size.in_features, out_features=size.out_features, width=protocol.width, n_layers=protocol.n_layers
    )
    with torch.random.fork_rng(devices=[]):
        try:
            network = registry.method(job.spec.method)(net, **job.spec.params).to(device)
            if isinstance(network, Solver):
                return None
            epochs = LINEAR_ITERATIONS if isinstance(network, LinearModel) else protocol.epochs
            if task.kind == "pde":
                problem = task.problem(job.spec.signal, protocol, 0)
                problem.to(device)
                loss = problem.fast_loss(network)
                batch, weight = problem.example(points), torch.ones((), device=device)
                return _seconds_of(lambda: loss(network, batch, weight), device) * protocol.epochs
            coordinates = torch.rand(points, size.in_features, device=device)
            seconds = _seconds_of(lambda: network(coordinates).square().mean(), device)
        except (InrbenchError, RuntimeError):
            return None
        finally:
            if device.type == "cuda":
                torch.cuda.empty_cache()
    return seconds / points * size.n_points * size.evals_per_point * epochs


def _seconds_of(loss: Callable[[], torch.Tensor], device: torch.device) -> float:
    """Time forward and backward. The optimiser is left out: its share is small, and importing it takes a second."""
    best = float("inf")
    for _ in range(1 + TIMED_STEPS):
        start = time.perf_counter()
        loss().backward()
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return best
