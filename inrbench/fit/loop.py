"""The training loop. It waits for the device only to check the loss, about a hundred times per run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

import torch
from torch import Tensor, nn

from inrbench.fit.clock import Clock
from inrbench.fit.least_squares import conjugate_gradients
from inrbench.fit.matmul import MatmulBackend
from inrbench.fit.memory import MemoryMeter
from inrbench.fit.op_count import count_ops
from inrbench.fit.predictor import Predictor
from inrbench.fit.probes import read_probes
from inrbench.fit.schedule import learning_rate, log_spaced_steps
from inrbench.fit.step import Engine, StepFacts, make_step
from inrbench.nn import LinearModel, is_solver
from inrbench.problems import Batch, Evaluator, Problem
from inrbench.spec import CurvePoint, ProbeReading, Protocol

CURVE_POINTS = 30
FINITE_CHECKS = 100
"""Checks per run that the loss is finite; each check waits for the device."""


@dataclass(frozen=True)
class FitResult:
    """Result of a fit.

    Args:
        curve: Points of the learning curve.
        steps: Steps taken.
        points_seen: Points used over all steps.
        flops_per_step: FLOPs of the matrix products of one step; None if they were not counted.
        step: How the steps were computed.
        probes: Readings of the probes.
        diverged_at: First step, counted from 1, whose loss was not finite; None if the run did not diverge.
    """

    curve: tuple[CurvePoint, ...]
    steps: int
    points_seen: int
    flops_per_step: float | None
    step: StepFacts
    probes: tuple[ProbeReading, ...] = ()
    diverged_at: int | None = None
    nonfinite_gradient: tuple[int, tuple[str, ...]] | None = None
    """For a diverged run: the first step with a finite loss and a non-finite gradient, and the parameters concerned."""


class Diverged(ArithmeticError):
    """The loss, or a gradient before it, became NaN or infinite.

    Args:
        step: Step, counted from 1, at which the loss was not finite.
        steps: Steps of the run.
        nonfinite: Step and parameter names of the first non-finite gradient; None if there is none.
    """

    def __init__(self, step: int, steps: int, nonfinite: tuple[int, tuple[str, ...]] | None = None) -> None:
        if nonfinite is None:
            super().__init__(f"the loss was not finite at step {step} of {steps}")
        else:
            names = ", ".join(nonfinite[1][:3]) + (f" and {len(nonfinite[1]) - 3} more" if len(nonfinite[1]) > 3 else "")
            super().__init__(
                f"the gradient of {names} was not finite at step {nonfinite[0]} of {steps}, though the loss was: check the "
                "activation at arguments that are 0 or very large (inrbench check-plugin)"
            )
        self.step = step


def fit(
    network: nn.Module,
    problem: Problem,
    protocol: Protocol,
    *,
    evaluator: Evaluator,
    device: torch.device,
    data_seed: int,
    clock: Clock,
    meter: MemoryMeter,
    engine: Engine = "fast",
    probes: Sequence[str] = (),
    on_progress: Callable[[float, float], None] = lambda fraction, value: None,
    on_checkpoint: Callable[[int, Predictor], None] | None = None,
) -> FitResult:
    """Train a network on a problem under a protocol.

    A loss that is not finite ends the fit at the next check; the exact step is found from the losses stored on the device.
    Weights that are not finite after the last step, which no loss has been computed with, count as divergence at that step.

    Args:
        network: Network to train, already on the device.
        problem: Problem to fit, already on the device.
        protocol: Protocol to train under.
        evaluator: Computes the primary metric at the points of the learning curve.
        device: Device of the network and the problem.
        data_seed: Seed of the order of the batches.
        clock: Clock whose parts ``compile``, ``train`` and ``eval`` are filled. Compiling changes no weights.
        meter: Memory meter; compiling, probes and checkpoints do not count.
        engine: ``fast`` or ``reference``.
        probes: Names of the probes to read, at the start and at the points of the learning curve. Reading them does not
            count as training time or memory.
        on_progress: Called with the fraction done and the primary metric at the last point of the learning curve.
        on_checkpoint: Called with the step and the predictor at each point of the learning curve, which does not count as
            training time or memory either.
    """
    if isinstance(network, LinearModel):
        return _solve(network, problem, evaluator, device, clock, meter, engine, on_progress, on_checkpoint)
    generator = torch.Generator().manual_seed(data_seed)
    steps = protocol.epochs * problem.steps_per_epoch
    work = None if is_solver(network) else count_ops(network, problem)
    take_step = make_step(engine, network, problem, protocol, work, steps)
    predict = Predictor(network, device)
    losses = torch.zeros(steps, device=device)
    norms: Tensor | None = None
    names: list[str] = []
    checkpoints = set(log_spaced_steps(steps, CURVE_POINTS))
    stride = max(1, steps // FINITE_CHECKS)
    checks = sorted(checkpoints | set(range(stride, steps, stride)))
    curve: list[CurvePoint] = []
    readings: list[ProbeReading] = []
    value, step, points = float("nan"), 0, 0

    def probe(step: int) -> None:
        if probes:
            with meter.paused():
                readings.extend(read_probes(probes, network, problem, step))

    with clock("compile"), meter.paused():
        take_step.prepare()
    probe(0)
    flops = None if work is None else work.flops * problem.batch
    batches = repeat(()) if is_solver(network) else infinite_batches(problem, generator)
    for check in checks:
        with clock("train"):
            while step < check:
                batch = next(batches)
                losses[step] = take_step(batch, learning_rate(protocol, step // problem.steps_per_epoch))
                if (seen := take_step.gradient_norms()) is not None:
                    if norms is None:
                        names, norms = seen[0], torch.zeros(steps, len(seen[1]), device=device)
                    norms[step] = seen[1]
                step, points = step + 1, points + (len(batch[0]) if batch else problem.batch)
                on_progress(step / steps, value)
            finite = bool(losses[:step].isfinite().all())
        if not finite:
            first = int((~losses[:step].isfinite()).nonzero()[0, 0]) + 1
            nonfinite = None if norms is None else _nonfinite_gradient(names, norms[:first], losses)
            return FitResult(
                tuple(curve),
                step,
                points,
                flops,
                take_step.facts(),
                tuple(readings),
                diverged_at=first,
                nonfinite_gradient=nonfinite,
            )
        if step in checkpoints:
            with clock("eval"):
                value = evaluator.primary(predict)
            rate = learning_rate(protocol, (step - 1) // problem.steps_per_epoch)
            curve.append(
                CurvePoint(
                    step=step,
                    train_seconds=clock.seconds["train"],
                    loss=float(losses[step - 1]),
                    lr=rate,
                    value=value,
                )
            )
            probe(step)
            if on_checkpoint is not None:
                with meter.paused():
                    on_checkpoint(step, predict)
    finite = all(bool(parameter.isfinite().all()) for parameter in network.parameters())
    nonfinite = None if finite or norms is None else _nonfinite_gradient(names, norms, losses)
    return FitResult(
        tuple(curve),
        step,
        points,
        flops,
        take_step.facts(),
        tuple(readings),
        diverged_at=None if finite else step,
        nonfinite_gradient=nonfinite,
    )


def _nonfinite_gradient(names: Sequence[str], norms: Tensor, losses: Tensor) -> tuple[int, tuple[str, ...]] | None:
    """Return the first step, counted from 1, with a finite loss and a non-finite gradient, and the parameters concerned."""
    nonfinite = ~norms.isfinite()
    rows = nonfinite.any(dim=1).nonzero()
    if not len(rows) or not bool(losses[int(rows[0, 0])].isfinite()):
        return None
    step = int(rows[0, 0])
    return step + 1, tuple(name for name, bad in zip(names, nonfinite[step].tolist(), strict=True) if bad)


def _solve(
    model: LinearModel,
    problem: Problem,
    evaluator: Evaluator,
    device: torch.device,
    clock: Clock,
    meter: MemoryMeter,
    engine: Engine,
    on_progress: Callable[[float, float], None],
    on_checkpoint: Callable[[int, Predictor], None] | None,
) -> FitResult:
    """Solve a model that is linear in its parameters. Each iteration counts as a step; there is no learning rate."""
    dtype = next(model.parameters()).dtype
    model.double()
    problem.as_dtype(torch.float64)
    predict, curve = Predictor(model, device), list[CurvePoint]()
    iterations = conjugate_gradients(model, problem)
    step, loss, ended = 0, float("nan"), False
    while not ended:
        with clock("train"):
            after = next(iterations, None)
        ended = after is None
        step, loss = (step, loss) if after is None else (step + 1, after)
        if (ended and (not curve or curve[-1].step != step)) or (not ended and step & (step - 1) == 0):
            with clock("eval"):
                value = evaluator.primary(predict)
            curve.append(CurvePoint(step=step, train_seconds=clock.seconds["train"], loss=loss, lr=0.0, value=value))
            on_progress(0.5, value)
            if on_checkpoint is not None:
                with meter.paused():
                    on_checkpoint(step, predict)
    problem.as_dtype(torch.float32)
    model.to(dtype)
    note = "least squares by conjugate gradients: the protocol's optimiser is not used"
    facts = StepFacts(engine, False, 0, note, 0, MatmulBackend("default", None))
    return FitResult(tuple(curve), step, step * problem.n_points, None, facts)


def infinite_batches(problem: Problem, generator: torch.Generator) -> Iterator[Batch]:
    """Yield the batches of one epoch after another, without end."""
    while True:
        yield from problem.batches(generator)
