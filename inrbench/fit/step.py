"""One optimiser step, by two engines that compute the same thing.

``reference`` is the step as the official repositories write it: eager, all points at once. ``fast`` computes the same gradient
in chunks that stay in the cache, by the fastest fp32 matrix product, with fused updates, and compiled where that pays.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Literal
from typing import Protocol as Interface

import torch
from torch import Tensor, nn

from inrbench.fit.compiling import CompiledLoss, StepMode, choose_step_mode
from inrbench.fit.matmul import MatmulBackend, fastest_fp32_backend, use_backend
from inrbench.fit.op_count import OpCount
from inrbench.fit.optimise import Updates
from inrbench.fit.precision import in_precision
from inrbench.nn import Solver
from inrbench.problems import Batch, Problem, equal_chunks, largest_chunk, point_weight
from inrbench.spec import Adam, Optimiser, Precision, Protocol

Engine = Literal["fast", "reference"]
ADAM = Adam()
FAST_CHUNK_POINTS = {"cpu": 2048, "cuda": 65536}
"""Points whose activations are held at once: on a CPU as many as its cache likes, on a GPU as many as fill it."""
REFERENCE_CHUNK_POINTS = 65536
"""Beyond this the reference has to be cut up too, or a full-size image would not fit into memory."""


@dataclass(frozen=True)
class StepFacts:
    """How the steps of a run were computed, for its row."""

    engine: Engine
    compiled: bool
    graphs: int
    """Compiled graphs; more than the two or three sizes of chunk means that something was compiled again."""
    note: str | None
    """Why something was not compiled, or not any more."""
    chunk_points: int
    backend: MatmulBackend


class Step(Interface):
    """Adds up a batch's gradient, changes the network by it, and returns the batch's loss, still on the device."""

    def prepare(self) -> None:
        """Do what is done once: load libraries, compile. Changes neither network nor optimiser."""

    def __call__(self, batch: Batch, rate: float) -> Tensor:
        """Take one step with a learning rate."""
        ...

    def facts(self) -> StepFacts:
        """Return how the steps so far were computed."""
        ...

    def gradient_norms(self) -> tuple[list[str], Tensor] | None:
        """Return the names of the parameters and the norms of their last gradients, on the device; None where unknown."""
        ...


class ReferenceStep:
    """The yardstick."""

    def __init__(
        self, network: nn.Module, problem: Problem, optimiser: Optimiser = ADAM, precision: Precision = "float32"
    ) -> None:
        self.network, self.problem = network, problem
        self.updates = Updates(network, optimiser, fused=False)
        self.loss = partial(in_precision(problem.loss, precision, next(network.parameters()).device.type), network)

    def prepare(self) -> None:
        """Run one step's forward and backward and forget them."""
        batch = self.problem.example(REFERENCE_CHUNK_POINTS)
        _backward_and_discard(self.network, self.loss(batch, point_weight(batch)))

    def __call__(self, batch: Batch, rate: float) -> Tensor:
        """Take one step."""
        most = largest_chunk(self.problem, REFERENCE_CHUNK_POINTS)
        return self.updates.step(lambda: accumulate(self.loss, batch, most), rate)

    def gradient_norms(self) -> tuple[list[str], Tensor] | None:
        """Return the names of the parameters and the norms of their last gradients."""
        return None if self.updates.norms is None else (self.updates.names, self.updates.norms)

    def facts(self) -> StepFacts:
        """Return the plain facts."""
        return StepFacts("reference", False, 0, None, REFERENCE_CHUNK_POINTS, MatmulBackend("default", None))


class FastStep:
    """The same gradient, sooner, in one of the ways that ``choose_step_mode`` knows."""

    def __init__(
        self,
        network: nn.Module,
        problem: Problem,
        mode: StepMode,
        optimiser: Optimiser = ADAM,
        precision: Precision = "float32",
    ) -> None:
        self.network, self.problem = network, problem
        device = next(network.parameters()).device
        self.backend = fastest_fp32_backend(device.type) if precision == "float32" else MatmulBackend("default", None)
        self.chunk_points = largest_chunk(problem, FAST_CHUNK_POINTS[device.type])
        self.updates = Updates(network, optimiser, fused=True)
        self.loss = CompiledLoss(in_precision(problem.fast_loss(network), precision, device.type), problem, network, mode)

    def prepare(self) -> None:
        """Compile, if that pays, for every size of chunk there will be; run each once and forget it."""
        with use_backend(self.backend):
            for size in chunk_sizes(self.problem, self.chunk_points):
                chunk = self.problem.example(size)
                _backward_and_discard(self.network, self.loss(chunk, point_weight(chunk)))

    def __call__(self, batch: Batch, rate: float) -> Tensor:
        """Take one step."""
        with use_backend(self.backend):
            return self.updates.step(lambda: accumulate(self.loss, batch, self.chunk_points), rate)

    def gradient_norms(self) -> tuple[list[str], Tensor] | None:
        """Return the names of the parameters and the norms of their last gradients."""
        return None if self.updates.norms is None else (self.updates.names, self.updates.norms)

    def facts(self) -> StepFacts:
        """Return how it went."""
        loss = self.loss
        return StepFacts("fast", loss.compiled, loss.graphs(), loss.note, self.chunk_points, self.backend)


class SolverStep:
    """The step of a method that fits itself; it takes no batch and no learning rate of ours."""

    def __init__(self, solver: Solver, engine: Engine) -> None:
        self.solver, self.engine = solver, engine

    def prepare(self) -> None:
        """There is nothing to prepare."""

    def __call__(self, batch: Batch, rate: float) -> Tensor:
        """Take one step."""
        return self.solver.step()

    def gradient_norms(self) -> tuple[list[str], Tensor] | None:
        """Return nothing: the method has gradients of its own, if any."""
        return None

    def facts(self) -> StepFacts:
        """Return that it went its own way."""
        return StepFacts(self.engine, False, 0, "the method fits itself", 0, MatmulBackend("default", None))


def make_step(
    engine: Engine, network: nn.Module, problem: Problem, protocol: Protocol, work: OpCount | None, steps: int
) -> Step:
    """Return the step of an engine. How the fast one goes follows from the work of a step and the number of steps."""
    if isinstance(network, Solver):
        return SolverStep(network, engine)
    how = (protocol.optimiser, protocol.precision)
    if engine == "reference":
        return ReferenceStep(network, problem, *how)
    if work is None or not problem.compilable:
        return FastStep(network, problem, "eager", *how)
    device_type = next(network.parameters()).device.type
    chunks = -(-problem.batch // largest_chunk(problem, FAST_CHUNK_POINTS[device_type]))
    return FastStep(network, problem, choose_step_mode(device_type, work, problem.batch, chunks, steps), *how)


def activation_bytes(problem: Problem, protocol: Protocol, engine: Engine, device: torch.device) -> int:
    """Return the least that a step of a plain network holds: what goes into and comes out of each activation, in float32."""
    usual = REFERENCE_CHUNK_POINTS if engine == "reference" else FAST_CHUNK_POINTS[device.type]
    points = min(problem.batch, largest_chunk(problem, usual))
    return 2 * 4 * points * problem.evals_per_point * protocol.n_layers * protocol.width


def accumulate(loss: Callable[[Batch, Tensor], Tensor], batch: Batch, most: int) -> Tensor:
    """Add a batch's gradient to the network's, at most ``most`` points at a time; return the batch's loss on the device.

    The sum over chunks is the full gradient up to rounding; only one chunk's activations are alive at a time.
    """
    weight = point_weight(batch)
    total = torch.zeros_like(weight)
    for chunk in equal_chunks(batch, most):
        share = loss(chunk, weight)
        share.backward()
        total += share.detach()
    return total


def gradient_in_chunks(network: nn.Module, problem: Problem, most: int, backend: MatmulBackend | None = None) -> Tensor:
    """Return the gradient of the loss on a problem's first batch as a vector in float64, at most ``most`` points at a time."""
    batch = problem.example(problem.batch)
    network.zero_grad(set_to_none=True)
    with use_backend(backend) if backend else nullcontext():
        accumulate(partial(problem.loss, network), batch, most)
    found = [p.grad for p in network.parameters() if p.grad is not None]
    return torch.cat([(torch.view_as_real(g) if g.is_complex() else g).double().ravel() for g in found])


def chunk_sizes(problem: Problem, most: int) -> list[int]:
    """Return the distinct sizes of chunk that an epoch has."""
    batches = {problem.batch, problem.n_points % problem.batch or problem.batch}
    sizes = {len(chunk[0]) for n in batches for chunk in equal_chunks((torch.empty(n),), most)}
    return sorted(sizes, reverse=True)


def _backward_and_discard(network: nn.Module, loss: Tensor) -> None:
    loss.backward()
    network.zero_grad(set_to_none=True)
