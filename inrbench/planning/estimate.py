"""Estimate how long a plan will take, from timings in the store, or else from a few steps timed on this machine."""

import math
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import torch

from inrbench.errors import InrbenchError, StoreError
from inrbench.execute.job import Job
from inrbench.execute.local import isolated_children
from inrbench.nn import LinearModel, is_solver
from inrbench.registry import ProblemSize, Registry
from inrbench.spec import NetworkSpec, canonical_json
from inrbench.store import GPU_ELSEWHERE, environment, read_runs

SAMPLE_POINTS = {"cpu": 2048, "cuda": 65536}
"""Points of a timed step: as many as the fast engine computes at once."""
TIMED_STEPS = 2
EVALUATIONS = 30
"""Evaluations on all points during a run: those of the learning curve."""
FORWARD_SHARE = 1 / 3
"""Time of an evaluation as a share of that of a step."""
START_SECONDS = 1.0
"""Seconds that a run needs besides its steps: to load its data, and to store its row."""
MEASURED_RANGE = (0.8, 1.25)
"""Factors of the range around the time of earlier runs, if they were all alike: the load of the machine differs."""
TIMED_RANGE = (0.5, 2.0)
"""Factors of the range around a time that follows from a few timed steps (``benchmarks/estimates.py``)."""
LINEAR_ITERATIONS = 100
"""Number of iterations that a least-squares fit is assumed to need."""

Key = tuple[str, str, str, str]
"""Task, method, parameters as JSON, and protocol fingerprint."""


@dataclass
class Estimate:
    """Estimated seconds of work of a plan.

    Args:
        ranges: The shortest and the longest time that is expected for each job, in seconds; (0, 0) if it is not known.
        measured: Number of jobs whose estimate comes from earlier runs.
        unknown: Number of jobs for which no estimate was possible.
        unreadable: Why signals cannot be set up, such as a user file that cannot be read. Each reason is listed once, and the
            runs report it too.
    """

    ranges: list[tuple[float, float]] = field(default_factory=list)
    measured: int = 0
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
    calibrated: dict[tuple[Key, ProblemSize], float | None] = {}
    total = Estimate()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for job in jobs:
            key = _key(job)
            if key in earlier:
                total.ranges.append(earlier[key])
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
            if (key, size) not in calibrated:
                calibrated[key, size] = _calibrate(job, registry, size)
            seconds = calibrated[key, size]
            total.unknown += seconds is None
            total.ranges.append((0.0, 0.0) if seconds is None else (TIMED_RANGE[0] * seconds, TIMED_RANGE[1] * seconds))
    finally:
        torch.set_num_threads(before)
    return total


def earlier_seconds(results: Path, device: str) -> dict[Key, tuple[float, float]]:
    """Return the range of wall seconds, by ``Key``, of the stored runs that ended ok on this machine.

    If the runs go to GPUs of other machines, those of all GPUs count.
    """
    key = ["task", "method", "params_json", "protocol_fingerprint"]
    facts = ["device_name", "device_class", "cpu_model", "memory_bytes"]
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
    spans = frame.groupby(key)["wall_seconds"].agg(["min", "max", "mean"])
    below, above = MEASURED_RANGE
    return {found: (min(low, below * mean), max(high, above * mean)) for found, low, high, mean in spans.itertuples(name=None)}


def _key(job: Job) -> Key:
    spec = job.spec
    return spec.task, spec.method, canonical_json(dict(spec.params)), spec.protocol_fingerprint


def _size(job: Job, registry: Registry) -> ProblemSize:
    task = registry.task(job.spec.task)
    if job.signal_file:
        task.register_file(Path(job.signal_file))
    return task.size(job.spec.signal, job.protocol)


def _calibrate(job: Job, registry: Registry, size: ProblemSize) -> float | None:
    """Estimate the seconds of all steps of a job, from a few steps on a small batch; None if that is not possible safely.

    Only built-in plugins are run here: others may hang or crash, and no worker process isolates them. A method with its
    own solver is not run either. For an equation the problem is set up, because derivatives dominate the cost of its steps.
    For all other problems, random coordinates are enough.
    """
    if job.plugin_origin != "builtin":
        return None
    device, protocol, task = torch.device(job.device), job.protocol, registry.task(job.spec.task)
    if device.type == "cuda" and not torch.cuda.is_available():
        return None  # the runs go to another machine
    points = min(SAMPLE_POINTS[device.type], protocol.batch or size.n_points, size.n_points)
    net = NetworkSpec(
        in_features=size.in_features, out_features=size.out_features, width=protocol.width, n_layers=protocol.n_layers
    )
    with torch.random.fork_rng(devices=[]):
        try:
            network = registry.method(job.spec.method)(net, **job.spec.params).to(device)
            if is_solver(network):
                return None
            linear = isinstance(network, LinearModel)
            if task.kind == "pde":
                problem = task.problem(job.spec.signal, protocol, 0)
                problem.to(device)
                loss = problem.fast_loss(network)
                batch, weight = problem.example(points), torch.ones((), device=device)
                seconds = _seconds_of(lambda: loss(network, batch, weight), device)
                return START_SECONDS + seconds * protocol.optimiser.gradients(protocol.epochs)
            coordinates = torch.rand(points, size.in_features, device=device)
            seconds = _seconds_of(lambda: network(coordinates).square().mean(), device)
        except (InrbenchError, RuntimeError, AssertionError):  # an AssertionError says that torch was built without CUDA
            return None
        finally:
            if device.type == "cuda":
                torch.cuda.empty_cache()
    steps_per_epoch = -(-size.n_points // (protocol.batch or size.n_points))
    passes = protocol.optimiser.gradients(protocol.epochs * steps_per_epoch) / steps_per_epoch
    passes = (LINEAR_ITERATIONS if linear else passes) + FORWARD_SHARE * EVALUATIONS
    return START_SECONDS + seconds / points * size.n_points * size.evals_per_point * passes


def _seconds_of(loss: Callable[[], torch.Tensor], device: torch.device) -> float:
    """Return the best time in seconds of a forward and backward pass.

    The optimiser is not timed: its share is small, and importing it takes a second.
    """
    best = float("inf")
    for _ in range(1 + TIMED_STEPS):
        start = time.perf_counter()
        loss().backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return best
