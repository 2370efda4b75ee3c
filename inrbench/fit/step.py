"""One optimiser step, with two engines that compute the same result.

``reference`` is the step as the official repositories write it: eager, all points at once. ``fast`` computes the same gradient
in chunks that fit in the cache, with the fastest fp32 matmul backend, with fused updates, and compiled if that saves time.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal
from typing import Protocol as Interface

import torch
from torch import Tensor, nn

from inrbench.fit.compiling import CompiledLoss, StepMode, choose_step_mode
from inrbench.fit.matmul import MatmulBackend, fp32_backend, use_backend
from inrbench.fit.op_count import count_usual_ops
from inrbench.fit.optimise import Updates
from inrbench.fit.precision import in_precision
from inrbench.nn import OwnTraining, Solver, is_solver
from inrbench.problems import Batch, Problem, equal_chunks, largest_chunk, point_weight
from inrbench.spec import Adam, AdamLbfgs, Optimiser, Precision, Protocol

Engine = Literal["fast", "reference"]
ADAM = Adam()
FAST_CHUNK_POINTS = {"cpu": 2048, "cuda": 65536}
"""Points per chunk of the fast engine: on a CPU few enough for the cache, on a GPU enough to keep it busy."""
REFERENCE_CHUNK_POINTS = 65536
"""Points per chunk of the reference engine; without chunks, a full-size image would not fit into memory."""


@dataclass(frozen=True)
class StepFacts:
    """How the steps of a run were computed; stored with the run."""

    engine: Engine
    compiled: bool
    graphs: int
    """Number of compiled graphs; more than the two or three chunk sizes means that something was compiled again."""
    note: str | None
    """Remark on the step mode, such as why the step was not compiled or fell back to eager; None if there is none."""
    chunk_points: int
    backend: MatmulBackend


class Step(Interface):
    """A step: compute a batch's gradient, update the network, and return the batch's loss, still on the device."""

    def prepare(self) -> None:
        """Do the one-time work: load libraries, compile. Changes neither the network nor the optimiser."""

    def warm_up(self) -> None:
        """On a GPU, compute gradients twice more and discard them: CUDA graphs are recorded. Its memory is that of a step."""

    def __call__(self, batch: Batch, rate: float) -> Tensor:
        """Take one step with a learning rate."""
        ...

    def facts(self) -> StepFacts:
        """Return how the steps so far were computed."""
        ...

    def gradient_norms(self) -> tuple[list[str], Tensor] | None:
        """Return the names of the parameters and the norms of their last gradients, on the device; None if unknown."""
        ...

    def state(self) -> dict[str, Any] | None:
        """Return the states of the optimisers, for a checkpoint; None if they are not accessible."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the states of the optimisers."""


class _NetworkStep:
    """What the steps of both engines have in common: the optimisers of the network."""

    updates: Updates

    def warm_up(self) -> None:
        """Do nothing: only the fast engine records CUDA graphs."""

    def gradient_norms(self) -> tuple[list[str], Tensor] | None:
        """Return the names of the parameters and the norms of their last gradients."""
        return None if self.updates.norms is None else (self.updates.names, self.updates.norms)

    def state(self) -> dict[str, Any] | None:
        """Return the states of the optimisers."""
        return self.updates.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the states of the optimisers."""
        self.updates.restore(state)


class ReferenceStep(_NetworkStep):
    """The step of the reference engine.

    Args:
        network: Network to train.
        problem: Problem to fit.
        optimiser: Optimiser of the protocol; Adam by default.
        precision: Precision of the protocol; ``float32`` by default.
        own: What the network brings to its training; None for nothing.
        steps: Number of steps of the run, on which the optimiser of a step may depend.
    """

    def __init__(
        self,
        network: nn.Module,
        problem: Problem,
        optimiser: Optimiser = ADAM,
        precision: Precision = "float32",
        own: OwnTraining | None = None,
        steps: int = 1,
    ) -> None:
        self.network, self.problem = network, problem
        device = next(network.parameters()).device
        self.backend = _backend(device, precision, fast=False)
        self.updates = Updates(network, optimiser, fused=False, own=own, steps=steps)
        self.loss = partial(in_precision(problem.loss, precision, device.type), network)

    def prepare(self) -> None:
        """Run one forward and backward pass and discard the result."""
        batch = self.problem.example(REFERENCE_CHUNK_POINTS)
        _backward_and_discard(self.network, self.loss(batch, point_weight(batch)))
        load_kernels(next(self.network.parameters()).device, self.problem, self.updates)

    def __call__(self, batch: Batch, rate: float) -> Tensor:
        """Take one step."""
        most = largest_chunk(self.problem, REFERENCE_CHUNK_POINTS)
        return self.updates.step(lambda: accumulate(self.loss, batch, most), rate)

    def facts(self) -> StepFacts:
        """Return how the steps are computed."""
        return StepFacts("reference", False, 0, None, REFERENCE_CHUNK_POINTS, self.backend)


class FastStep(_NetworkStep):
    """The step of the fast engine: the same gradient in less time.

    Args:
        network: Network to train.
        problem: Problem to fit.
        mode: Step mode, such as the one that ``choose_step_mode`` returns.
        optimiser: Optimiser of the protocol; Adam by default.
        precision: Precision of the protocol; ``float32`` by default.
        own: What the network brings to its training; None for nothing.
        steps: Number of steps of the run, on which the optimiser of a step may depend.
    """

    def __init__(
        self,
        network: nn.Module,
        problem: Problem,
        mode: StepMode,
        optimiser: Optimiser = ADAM,
        precision: Precision = "float32",
        own: OwnTraining | None = None,
        steps: int = 1,
    ) -> None:
        self.network, self.problem = network, problem
        device = next(network.parameters()).device
        self.backend = _backend(device, precision, fast=True)
        self.chunk_points = largest_chunk(problem, FAST_CHUNK_POINTS[device.type])
        self.updates = Updates(network, optimiser, fused=True, own=own, steps=steps)
        self.loss = CompiledLoss(in_precision(problem.fast_loss(network), precision, device.type), problem, network, mode)

    def prepare(self) -> None:
        """Run each chunk size of the run once, which compiles it if the step mode is not eager, and discard the result."""
        self._try_chunk_sizes()
        load_kernels(next(self.network.parameters()).device, self.problem, self.updates)

    def _try_chunk_sizes(self) -> None:
        with use_backend(self.backend):
            for size in chunk_sizes(self.problem, self.chunk_points):
                chunk = self.problem.example(size)
                _backward_and_discard(self.network, self.loss(chunk, point_weight(chunk)))

    def warm_up(self) -> None:
        """On a GPU, compute gradients twice more and discard them.

        A CUDA graph is recorded in the second call of a chunk size, and replayed from the third on.
        """
        if next(self.network.parameters()).device.type == "cuda":
            for _ in range(2):
                self._try_chunk_sizes()

    def __call__(self, batch: Batch, rate: float) -> Tensor:
        """Take one step."""
        with use_backend(self.backend):
            return self.updates.step(lambda: accumulate(self.loss, batch, self.chunk_points), rate)

    def facts(self) -> StepFacts:
        """Return how the steps so far were computed, with any fallback to eager."""
        loss = self.loss
        return StepFacts("fast", loss.compiled, loss.graphs(), loss.note, self.chunk_points, self.backend)


class SolverStep:
    """The step of a method that fits itself; it ignores the batch and the learning rate."""

    def __init__(self, solver: Solver, engine: Engine) -> None:
        self.solver, self.engine = solver, engine

    def prepare(self) -> None:
        """Do nothing: there is nothing to prepare."""

    def warm_up(self) -> None:
        """Do nothing: there is nothing to record."""

    def __call__(self, batch: Batch, rate: float) -> Tensor:
        """Take one step."""
        return self.solver.step()

    def gradient_norms(self) -> tuple[list[str], Tensor] | None:
        """Return None: gradients, if any, are internal to the method."""
        return None

    def state(self) -> dict[str, Any] | None:
        """Return None: the state is internal to the method, so that such runs have no checkpoints."""
        return None

    def restore(self, state: dict[str, Any]) -> None:
        """Raise NotImplementedError: there are no checkpoints."""
        raise NotImplementedError

    def facts(self) -> StepFacts:
        """Return facts with the note that the method fits itself."""
        return StepFacts(self.engine, False, 0, "the method fits itself", 0, MatmulBackend("default", None))


def make_step(
    engine: Engine,
    network: nn.Module,
    problem: Problem,
    protocol: Protocol,
    steps: int,
    own: OwnTraining | None = None,
    *,
    trial: bool = False,
) -> Step:
    """Return the step of an engine.

    The step mode of the fast engine follows from the protocol and the problem: it is the same for all methods.

    Args:
        engine: ``fast`` or ``reference``.
        network: Network to train, on its device.
        problem: Problem to fit.
        protocol: Protocol, which sets optimiser and precision.
        steps: Steps of the run.
        own: What the network brings to its training; None for nothing.
        trial: Whether the run is a trial of a search.
    """
    if is_solver(network):
        return SolverStep(network, engine)
    how = (protocol.optimiser, protocol.precision, own, steps)
    if engine == "reference":
        return ReferenceStep(network, problem, *how)
    device = next(network.parameters()).device
    mode = step_mode_of(problem, protocol.width, protocol.n_layers, device, steps, trial=trial)
    return FastStep(network, problem, mode, *how)


def step_mode_of(
    problem: Problem, width: int, n_layers: int, device: torch.device, steps: int, *, trial: bool = False
) -> StepMode:
    """Return the step mode of all runs on a problem with networks of one size, whatever their method.

    Args:
        problem: Problem to fit, on the device.
        width: Width of the nonlinear layers.
        n_layers: Number of nonlinear layers.
        device: The device.
        steps: Steps of a run.
        trial: Whether the runs are trials of a search.
    """
    if not problem.compilable:
        return "eager"
    work = count_usual_ops(problem, width, n_layers, device)
    chunks = -(-problem.batch // largest_chunk(problem, FAST_CHUNK_POINTS[device.type]))
    return choose_step_mode(device.type, work, problem.batch, chunks, steps, trial=trial)


def activation_bytes(problem: Problem, protocol: Protocol, engine: Engine, device: torch.device) -> int:
    """Return the least memory, in bytes, that a step of a plain network needs for its activations.

    Counts the inputs and outputs of all activations for one chunk, in float32.

    Args:
        problem: Problem to fit.
        protocol: Protocol, which sets width and number of layers.
        engine: ``fast`` or ``reference``.
        device: Device, on which the chunk size of the fast engine depends.
    """
    usual = REFERENCE_CHUNK_POINTS if engine == "reference" else FAST_CHUNK_POINTS[device.type]
    points = min(problem.batch, largest_chunk(problem, usual))
    return 2 * 4 * points * problem.evals_per_point * protocol.n_layers * protocol.width


def accumulate(loss: Callable[[Batch, Tensor], Tensor], batch: Batch, most: int) -> Tensor:
    """Add a batch's gradient to that of the network, in chunks, and return the batch's loss on the device.

    The sum over chunks equals the full gradient up to rounding; only one chunk's activations are in memory at a time.

    Args:
        loss: Loss of a chunk: (chunk, weight of a point) -> the chunk's share of the loss.
        batch: Tensors of the batch.
        most: Largest number of points per chunk.
    """
    weight = point_weight(batch)
    total = torch.zeros_like(weight)
    for chunk in equal_chunks(batch, most):
        share = loss(chunk, weight)
        share.backward()
        total += share.detach()
    return total


def gradient_in_chunks(network: nn.Module, problem: Problem, most: int, backend: MatmulBackend | None = None) -> Tensor:
    """Return the gradient of the loss on a problem's first batch as a float64 vector, computed in chunks.

    Args:
        network: Network to differentiate.
        problem: Problem with the loss and the batch.
        most: Largest number of points per chunk.
        backend: Matmul backend to use; torch's current settings if not given.
    """
    batch = problem.example(problem.batch)
    network.zero_grad(set_to_none=True)
    with use_backend(backend) if backend else nullcontext():
        accumulate(partial(problem.loss, network), batch, most)
    found = [p.grad for p in network.parameters() if p.grad is not None]
    return torch.cat([(torch.view_as_real(g) if g.is_complex() else g).double().ravel() for g in found])


def chunk_sizes(problem: Problem, most: int) -> list[int]:
    """Return the distinct chunk sizes in an epoch, largest first."""
    batches = {problem.batch, problem.n_points % problem.batch or problem.batch}
    sizes = {len(chunk[0]) for n in batches for chunk in equal_chunks((torch.empty(n),), most)}
    return sorted(sizes, reverse=True)


def load_kernels(device: torch.device, problem: Problem, updates: Updates) -> None:
    """On a GPU, load the code of the optimiser's kernels, of shuffling and of the loss check, which torch loads at first use.

    Neither the network nor the random state changes.

    Args:
        device: Device of the run.
        problem: The problem, on the device.
        updates: The optimisers of the run, whose kernels are needed. They take no step.
    """
    if device.type != "cuda":
        return
    spare = nn.utils.skip_init(nn.Linear, 2, 2, device=device)
    with torch.no_grad():
        for parameter in spare.parameters():
            parameter.zero_()
    point = torch.ones(1, 2, device=device)
    optimiser, steps = updates.optimiser, 1
    if isinstance(optimiser, AdamLbfgs):  # a step of each
        optimiser, steps = replace(optimiser, lbfgs_steps=1), 2
    spares = Updates(spare, optimiser, updates.fused, steps=steps)
    for _ in range(steps):
        spares.step(lambda: (loss := spare(point).sum()).backward() or loss, 0.0)
    losses = torch.zeros(2, device=device)
    losses[0] = problem.example(1)[0].sum()
    bool(losses.isfinite().all())


def _backend(device: torch.device, precision: Precision, fast: bool) -> MatmulBackend:
    """Return the backend of a step; in other precisions than float32, torch's default, whose error is not measured."""
    return fp32_backend(device, fast) if precision == "float32" else MatmulBackend("default", None)


def _backward_and_discard(network: nn.Module, loss: Tensor) -> None:
    loss.backward()
    network.zero_grad(set_to_none=True)
