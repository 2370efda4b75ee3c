"""Time a method's step with each engine, and the bare matrix products of that step, interleaved in one process.

A step in the style of the authors' own code can be measured in addition.

Times on a shared machine drift; ratios within a round do not. The limit is the time of the matrix products alone, with the
fast engine's matmul backend and chunks: no step can be faster without different mathematics.
"""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from inrbench.fit.compiling import StepMode
from inrbench.fit.matmul import use_backend
from inrbench.fit.memory import MemoryMeter, keep_freed_memory
from inrbench.fit.step import FastStep, ReferenceStep, Step, StepFacts, step_mode_of
from inrbench.problems import Batch, Outputs, Problem, Regression, equal_chunks, point_weight

Variant = Literal["reference", "fast", "official", "limit"]
LEARNING_RATE = 1e-5
GPU_SECONDS = 0.05
"""Least seconds between two synchronisations with a GPU: a single step would measure the launch of its kernels."""
GPU_WARM_UP_SECONDS = 1.0
"""Seconds for which each variant runs on a GPU before it is measured, so that clocks rise."""


@dataclass(frozen=True)
class StepTiming:
    """Time and memory of one training step.

    Args:
        rounds: Variant -> its seconds, one value per round.
        points: Points per step.
        peaks: Variant -> peak memory in bytes above the level before a step; None if it could not be measured.
        facts: How the fast step was computed.
    """

    rounds: dict[Variant, list[float]]
    points: int
    peaks: dict[Variant, int | None]
    facts: StepFacts

    @property
    def fast_to_official(self) -> float | None:
        """Median over rounds of fast / official; None if official was not measured."""
        return self._median_ratio("fast", "official") if "official" in self.rounds else None

    @property
    def fast_to_reference(self) -> float:
        """Median over rounds of fast / reference."""
        return self._median_ratio("fast", "reference")

    @property
    def fast_to_limit(self) -> float:
        """Median over rounds of fast / matrix products alone."""
        return self._median_ratio("fast", "limit")

    @property
    def matmul_share(self) -> float:
        """Share of the fast step's time spent in matrix products; the rest is activations, loss, optimiser and calls."""
        return min(1.0, 1 / self.fast_to_limit)

    @property
    def points_per_second(self) -> float:
        """Points per second of the fast step, from its median time."""
        return self.points / statistics.median(self.rounds["fast"])

    def _median_ratio(self, a: Variant, b: Variant) -> float:
        return statistics.median(x / y for x, y in zip(self.rounds[a], self.rounds[b], strict=True))


def time_steps(
    build: Callable[[], nn.Module],
    problem: Problem,
    device: torch.device,
    rounds: int,
    mode: StepMode = "compiled",
    official: Callable[[], nn.Module] | None = None,
) -> StepTiming:
    """Measure the steps of a network on a problem, in interleaved rounds after one round that is not counted.

    Args:
        build: Builds a new network.
        problem: Problem to take steps on.
        device: Device to measure on.
        rounds: Number of rounds that count.
        mode: Step mode of the fast step.
        official: Builds the same method as published by its authors; its eager step is then measured as a further variant.
    """
    keep_freed_memory()
    problem.to(device)
    batch = problem.example(problem.batch)
    fast = FastStep(build().to(device), problem, mode)
    steps: dict[Variant, Step] = {"reference": ReferenceStep(build().to(device), problem), "fast": fast}
    if official is not None:
        steps["official"] = ReferenceStep(official().to(device), problem)
    for step in steps.values():
        step.prepare()
        step.warm_up()
    parts: dict[Variant, Callable[[], object]] = {part: partial(step, batch, LEARNING_RATE) for part, step in steps.items()}
    peaks = {part: _peak(take, device) for part, take in parts.items()}
    parts["limit"] = _matrix_products(build().to(device), problem, batch, fast)
    repeats = {part: _repeats(take, device) for part, take in parts.items()}
    seconds: dict[Variant, list[float]] = {part: [] for part in parts}
    for _ in range(rounds):
        for part, take in parts.items():
            seconds[part].append(_seconds(take, device, repeats[part]))
    return StepTiming(seconds, problem.batch, peaks, fast.facts())


def random_regression(points: int, in_features: int, out_features: int) -> Regression:
    """Return a regression on random numbers in one batch: for timing steps only, never for evaluation.

    Args:
        points: Number of points.
        in_features: Number of coordinates per point.
        out_features: Number of values per point.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(points, in_features, generator=generator)
    return Regression(x, torch.rand(points, out_features, generator=generator), None, _NoEvaluation())


class _NoEvaluation:
    scaled_suffix = ""

    def save_scaled(self, predict: object, scale: int, path: object) -> None:
        pass

    def save_artifacts(self, predict: object, folder: object) -> None:
        pass

    def outputs(self, predict: object) -> Outputs:
        return Outputs({})

    def grid_pair(self, predict: object) -> None:
        return None


def profiled_step_mode(problem: Problem, width: int, n_layers: int, device: torch.device, steps: int) -> StepMode:
    """Return the step mode to measure: that of runs; on a CPU always ``compiled``, since short steps are not worth measuring.

    Args:
        problem: Problem to take steps on, on the device.
        width: Width of the nonlinear layers.
        n_layers: Number of nonlinear layers.
        device: The device.
        steps: Number of steps of the runs.
    """
    return "compiled" if device.type == "cpu" else step_mode_of(problem, width, n_layers, device, steps)


def _seconds(part: Callable[[], object], device: torch.device, repeats: int = 1) -> float:
    """Return the mean seconds of a part over some calls between two synchronisations."""
    _synchronise(device)
    start = time.perf_counter()
    for _ in range(repeats):
        part()
    _synchronise(device)
    return (time.perf_counter() - start) / repeats


def _repeats(part: Callable[[], object], device: torch.device) -> int:
    """Warm a part up, and return how many calls of it take GPU_SECONDS on a GPU; 1 on a CPU."""
    taken = _seconds(part, device)
    if device.type == "cpu":
        return 1
    start = time.perf_counter()
    while time.perf_counter() - start < GPU_WARM_UP_SECONDS:
        taken = _seconds(part, device)
    return max(1, math.ceil(GPU_SECONDS / taken))


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak(part: Callable[[], object], device: torch.device) -> int | None:
    """Return the bytes that a step needs above the level before it; the step is run once beforehand."""
    part()
    meter = MemoryMeter(device)
    part()
    gpu = meter.gpu_peak_bytes()
    return meter.host_peak_bytes() if gpu is None else gpu[0]


def _matrix_products(network: nn.Module, problem: Problem, batch: Batch, fast: FastStep) -> Callable[[], None]:
    """Return a function that computes only the matrix products of one fast step, on random tensors of the same shapes."""
    chunks = equal_chunks(batch, fast.chunk_points)
    recorder = _ProductRecorder()
    with recorder:
        problem.fast_loss(network)(network, chunks[0], point_weight(batch)).backward()
    products = [(multiply, _like(a), _like(b)) for multiply, a, b in recorder.products]

    def compute() -> None:
        with use_backend(fast.backend), torch.no_grad():
            for _ in chunks:
                for multiply, a, b in products:
                    multiply(a, b)

    return compute


def _like(tensor: Tensor) -> Tensor:
    """Return a random tensor with the same shape and memory layout; broadcast rows are written out in full."""
    if 0 in tensor.stride():
        return torch.rand(tensor.shape, dtype=tensor.dtype, device=tensor.device)
    return torch.empty_strided(tensor.size(), tensor.stride(), device=tensor.device).uniform_()


class _ProductRecorder(TorchDispatchMode):
    """Record the operands of every matrix product."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.products: list[tuple[Callable[[Tensor, Tensor], Tensor], Tensor, Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in ("mm", "addmm"):
            self.products.append((torch.mm, *args[-2:]))
        elif name in ("bmm", "baddbmm"):
            self.products.append((torch.bmm, *args[-2:]))
        return func(*args, **(kwargs or {}))
