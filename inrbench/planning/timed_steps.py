"""Time a few training steps on this machine, for an estimate of how long a run takes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from inrbench.errors import InrbenchError
from inrbench.execute.job import Job
from inrbench.fit import curve_points_of
from inrbench.nn import LinearModel, is_solver
from inrbench.registry import ProblemSize, Registry
from inrbench.spec import NetworkSpec

SAMPLE_POINTS = {"cpu": 2048, "cuda": 65536}
"""Points of a timed step: as many as the fast engine computes at once."""
TIMED_STEPS = 2
FORWARD_SHARE = 1 / 3
"""Time of an evaluation as a share of that of a step."""
START_SECONDS = 1.0
"""Seconds that a run needs besides its steps: to load its data, and to store its row."""
LINEAR_ITERATIONS = 100
"""Number of iterations that a least-squares fit is assumed to need."""


def time_steps(job: Job, registry: Registry, size: ProblemSize, threads: int) -> float | None:
    """Estimate the seconds of all steps of a job, from a few steps on a small batch; None if that is not possible safely.

    Only built-in plugins are run here: others may hang or crash, and no worker process isolates them. A method with its
    own solver is not run either. For an equation the problem is set up, because derivatives dominate the cost of its steps.
    For all other problems, random coordinates are enough.

    Args:
        job: The job.
        registry: Registry with the job's method and task.
        size: Size of the job's problem.
        threads: CPU threads per job.
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
    with torch.random.fork_rng(devices=[]), _limited(threads):
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
    passes = (LINEAR_ITERATIONS if linear else passes) + FORWARD_SHARE * curve_points_of(job.spec.track)
    return START_SECONDS + seconds / points * size.n_points * size.evals_per_point * passes


@contextmanager
def _limited(threads: int) -> Iterator[None]:
    """Let torch use ``threads`` CPU threads within the context."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
