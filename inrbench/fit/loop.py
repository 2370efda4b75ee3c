"""The training loop, in plain sight. It never waits for the device but to look at the loss, a hundred times a run."""

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
from inrbench.nn import LinearModel, Solver
from inrbench.problems import Batch, Evaluator, Problem
from inrbench.spec import CurvePoint, ProbeReading, Protocol

CURVE_POINTS = 30
FINITE_CHECKS = 100
"""How often in a run the loss is looked at; each look waits for the device."""


@dataclass(frozen=True)
class FitResult:
    """What the loop did. ``diverged_at`` is the first step, counted from 1, whose loss was not finite."""

    curve: tuple[CurvePoint, ...]
    steps: int
    points_seen: int
    flops_per_step: float | None
    step: StepFacts
    probes: tuple[ProbeReading, ...] = ()
    diverged_at: int | None = None
    nonfinite_gradient: tuple[int, tuple[str, ...]] | None = None
    """Of a run that diverged: the step whose loss was finite and whose gradient was not, and of which parameters."""


class Diverged(ArithmeticError):
    """The loss, or a gradient before it, became NaN or infinite."""

    def __init__(self, step: int, steps: int, wild: tuple[int, tuple[str, ...]] | None = None) -> None:
        if wild is None:
            super().__init__(f"the loss was not finite at step {step} of {steps}")
        else:
            names = ", ".join(wild[1][:3]) + (f" and {len(wild[1]) - 3} more" if len(wild[1]) > 3 else "")
            super().__init__(
                f"the gradient of {names} was not finite at step {wild[0]} of {steps}, though the loss was: look at the "
                "activation where its argument is 0 or very large (inrbench check-plugin)"
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
    """Train a network on a problem under a protocol; both are already on the device.

    ``probes`` are read at the start and at the points of the curve, and do not count as time or memory of training.
    ``on_progress`` is told the fraction done and the primary metric at the last point of the learning curve;
    ``on_checkpoint`` gets the step and the network at each of these points, outside time and memory too. The parts
    ``compile`` (which changes nothing), ``train`` and ``eval`` of the clock are filled; compiling does not count as memory.
    A loss that is not finite ends the fit at the next look, with the exact step found from the losses kept on the device;
    weights that are not finite after the last step, whose effect no loss has seen, count for that step.
    """
    if isinstance(network, LinearModel):
        return _solve(network, problem, evaluator, device, clock, meter, engine, on_progress, on_checkpoint)
    generator = torch.Generator().manual_seed(data_seed)
    steps = protocol.epochs * problem.steps_per_epoch
    work = None if isinstance(network, Solver) else count_ops(network, problem)
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
    batches = repeat(()) if isinstance(network, Solver) else infinite_batches(problem, generator)
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
            wild = None if norms is None else _nonfinite_gradient(names, norms[:first], losses)
            return FitResult(
                tuple(curve),
                step,
                points,
                flops,
                take_step.facts(),
                tuple(readings),
                diverged_at=first,
                nonfinite_gradient=wild,
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
    wild = None if finite or norms is None else _nonfinite_gradient(names, norms, losses)
    return FitResult(
        tuple(curve),
        step,
        points,
        flops,
        take_step.facts(),
        tuple(readings),
        diverged_at=None if finite else step,
        nonfinite_gradient=wild,
    )


def _nonfinite_gradient(names: Sequence[str], norms: Tensor, losses: Tensor) -> tuple[int, tuple[str, ...]] | None:
    """Return the first step, counted from 1, whose loss was finite and whose gradient was not, and of which parameters."""
    wild = ~norms.isfinite()
    rows = wild.any(dim=1).nonzero()
    if not len(rows) or not bool(losses[int(rows[0, 0])].isfinite()):
        return None
    step = int(rows[0, 0])
    return step + 1, tuple(name for name, bad in zip(names, wild[step].tolist(), strict=True) if bad)


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
    """Solve a model that is linear in its parameters. A step is an iteration; it has no learning rate."""
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
    note = "least squares by conjugate gradients: no optimiser of the protocol's"
    facts = StepFacts(engine, False, 0, note, 0, MatmulBackend("default", None))
    return FitResult(tuple(curve), step, step * problem.n_points, None, facts)


def infinite_batches(problem: Problem, generator: torch.Generator) -> Iterator[Batch]:
    """Yield the batches of epoch after epoch."""
    while True:
        yield from problem.batches(generator)
