"""The training loop. It waits for the device only to check the loss, about a hundred times per run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from inrbench.fit.batch_stream import BatchStream
from inrbench.fit.checkpoint import (
    Checkpoints,
    Interrupted,
    network_state,
    random_state,
    restore_network,
    restore_random_state,
)
from inrbench.fit.clock import Clock
from inrbench.fit.least_squares import conjugate_gradients
from inrbench.fit.matmul import MatmulBackend
from inrbench.fit.memory import MemoryMeter
from inrbench.fit.op_count import count_ops
from inrbench.fit.pace import Pace
from inrbench.fit.predictor import Predictor
from inrbench.fit.probes import read_probes
from inrbench.fit.schedule import curve_steps, learning_rate, log_spaced_steps
from inrbench.fit.step import Engine, StepFacts, make_step
from inrbench.fit.training_hooks import TrainingHooks
from inrbench.fit.training_record import TrainingRecord
from inrbench.nn import LinearModel, is_solver
from inrbench.problems import Batch, Evaluator, Problem
from inrbench.spec import CurvePoint, ProbeReading, Progress, Protocol, derived_seed

OnProgress = Callable[[Progress], None]
"""Function that receives the progress after every step."""
CURVE_POINTS = 30
TRIAL_CURVE_POINTS = 4
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
    own_training: str | None = None
    """What the network brought to its training; None for nothing."""


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


def curve_points_of(track: str) -> int:
    """Return about how many points the learning curves of a track have: ``points`` of ``curve_steps``.

    Trials of a search are short: on occupancy, their evaluations at 30 points took longer than their steps.

    >>> curve_points_of("tuned-4"), curve_points_of("search")
    (30, 4)
    """
    return TRIAL_CURVE_POINTS if track == "search" else CURVE_POINTS


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
    curve_points: int = CURVE_POINTS,
    trial: bool = False,
    on_progress: OnProgress = lambda progress: None,
    on_curve_point: Callable[[int, Predictor], None] | None = None,
    checkpoints: Checkpoints | None = None,
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
        meter: Memory meter; compiling, evaluation, probes and checkpoints do not count.
        engine: ``fast`` or ``reference``.
        probes: Names of the probes to read, at the start and at the points of the learning curve. Reading them does not
            count as training time or memory.
        curve_points: As ``points`` of ``curve_steps``. It changes neither the weights nor the metrics, except a metric that
            chooses among these points.
        trial: Whether the run is a trial of a search, whose steps are compiled earlier.
        on_progress: Called after every step.
        on_curve_point: Called with the step and the predictor at each point of the learning curve, which does not count as
            training time or memory either.
        checkpoints: The run's checkpoint, from which it continues, and which is written while it trains; None for none.

    Raises:
        Interrupted: ``checkpoints`` asked the run to stop.
    """
    if isinstance(network, LinearModel):
        return _solve(network, problem, evaluator, device, clock, meter, engine, on_progress, on_curve_point)
    training = _Training(
        network, problem, protocol, evaluator, device, data_seed, clock, meter, engine, probes, curve_points, trial, checkpoints
    )
    return training.run(on_progress, on_curve_point)


class _Training:
    """A fit by steps: what it needs and its record. The arguments are those of ``fit``."""

    def __init__(
        self,
        network: nn.Module,
        problem: Problem,
        protocol: Protocol,
        evaluator: Evaluator,
        device: torch.device,
        data_seed: int,
        clock: Clock,
        meter: MemoryMeter,
        engine: Engine,
        probes: Sequence[str],
        curve_points: int,
        trial: bool,
        checkpoints: Checkpoints | None,
    ) -> None:
        self.network, self.problem, self.protocol, self.evaluator = network, problem, protocol, evaluator
        self.device, self.clock, self.meter = device, clock, meter
        self.probes, self.curve_points, self.checkpoints = probes, curve_points, checkpoints
        self.steps = protocol.epochs * problem.steps_per_epoch
        self.hooks = TrainingHooks(network, problem, self.steps, derived_seed("sampler", data_seed))
        own = self.hooks.own.optimiser if self.hooks.own else None
        self.fixed_batch_from = (own or protocol.optimiser).fixed_batch_from(self.steps)
        """The step from which all steps use one batch."""
        if own is None:
            protocol.optimiser.check_steps(self.steps)
        self.scheduled_epochs = -(-self.fixed_batch_from // problem.steps_per_epoch)
        """Epochs with a learning rate from the schedule."""
        self.work = None if is_solver(network) or self.hooks.samples else count_ops(network, problem)
        self.take_step = make_step(engine, network, self.hooks.problem, protocol, self.steps, self.hooks.own, trial=trial)
        generator = torch.Generator().manual_seed(data_seed)
        self.batches = None if is_solver(network) else BatchStream(problem, generator, meter.gpu_paused)
        self.predict = Predictor(network, device)
        self.record = TrainingRecord(torch.zeros(self.steps, device=device))
        self.pace: Pace

    def run(self, on_progress: OnProgress, on_curve_point: Callable[[int, Predictor], None] | None) -> FitResult:
        """Take all steps that are left, and return the result."""
        on_curve = set(curve_steps(self.steps, self.curve_points))
        spaced = set(log_spaced_steps(self.steps, self.curve_points))
        stride = max(1, self.steps // FINITE_CHECKS)
        with self.clock("compile"), self.meter.paused():
            self.take_step.prepare()
        with self.clock("compile"):
            self.take_step.warm_up()
        self._continue_from_checkpoint()
        record = self.record
        earlier = len(record.curve), self.clock.seconds["eval"]
        self.pace = Pace(record.step, sum(step > record.step for step in on_curve), earlier)
        for check in sorted(on_curve | set(range(stride, self.steps, stride))):
            if check <= record.step:  # taken before the run was resumed
                continue
            while record.step < check:
                self._train_to(check, on_progress)
                if record.step < check:
                    self._write_checkpoint_if_due()
            if not record.is_finite():
                first = int((~record.losses[: record.step].isfinite()).nonzero()[0, 0]) + 1
                return self._result(first, record.nonfinite_gradient(first))
            record.loss = float(record.losses[record.step - 1])
            if record.step in on_curve:
                with self.pace.evaluating():
                    self._add_curve_point(remember=record.step in spaced)
                    if on_curve_point is not None:
                        with self.meter.paused():
                            on_curve_point(record.step, self.predict)
            self._write_checkpoint_if_due()
        if all(bool(parameter.isfinite().all()) for parameter in self.network.parameters()):
            return self._result()
        return self._result(record.step, record.nonfinite_gradient(len(record.losses)))

    def _train_to(self, check: int, on_progress: OnProgress) -> None:
        """Take steps up to a number, or until a checkpoint is due."""
        record, checkpoints = self.record, self.checkpoints
        with self.clock("train"):
            while record.step < check:
                batch = self._next_batch()
                loss = self.take_step(batch, self._learning_rate(record.step))
                record.add(loss, self.take_step.gradient_norms(), len(batch[0]) if batch else self.problem.batch)
                on_progress(self._progress())
                if checkpoints is not None and checkpoints.due():
                    return

    def _progress(self) -> Progress:
        record = self.record
        seconds = self.pace.seconds_per_step(record.step)
        return Progress(record.step, self.steps, record.loss, record.value, seconds, *self.pace.evaluation_seconds())

    def _learning_rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        rate = learning_rate(self.protocol, step // self.problem.steps_per_epoch, self.scheduled_epochs)
        return self.hooks.learning_rate(rate, step)

    def _next_batch(self) -> Batch:
        """Return the points of the next step; none for a solver."""
        step = self.record.step
        self.hooks.begin(step)
        if self.batches is None:
            return ()
        return self.hooks.choose(self.batches.again() if step > self.fixed_batch_from else next(self.batches), step)

    def _write_checkpoint_if_due(self) -> None:
        """Write a checkpoint if it is time. Raises Interrupted if the run must stop."""
        checkpoints = self.checkpoints
        if checkpoints is None or self.record.step == self.steps or not checkpoints.due() or not self.record.is_finite():
            return
        saved = self._save_checkpoint(checkpoints)
        if checkpoints.stop():
            raise Interrupted(self.record.step, self.steps, saved)

    def _add_curve_point(self, remember: bool) -> None:
        """Evaluate the primary metric, and read the probes.

        Args:
            remember: As in ``Evaluator.primary``. The point at nine tenths of the steps was added later and is not remembered:
                it would change published values.
        """
        record = self.record
        with self.clock("eval"), self.meter.paused():
            record.value = self.evaluator.primary(self.predict, remember)
        record.curve.append(
            CurvePoint(
                step=record.step,
                train_seconds=self.clock.seconds["train"],
                loss=record.loss,
                lr=self._learning_rate(record.step - 1),
                value=record.value,
            )
        )
        self._read_probes()

    def _read_probes(self) -> None:
        if self.probes:
            with self.meter.paused(), self.problem.without_recording():
                self.record.readings.extend(read_probes(self.probes, self.network, self.problem, self.record.step))

    def _save_checkpoint(self, checkpoints: Checkpoints) -> bool:
        """Write a checkpoint. Return False if the method has none, or if it cannot be written."""
        optimisers = self.take_step.state()
        if optimisers is None or self.batches is None:
            checkpoints.postpone()
            return False
        with self.meter.paused():
            return checkpoints.save(
                {
                    "network": network_state(self.network),
                    "optimisers": optimisers,
                    "batches": self.batches.state(),
                    "progress": self.record.state(),
                    "history": self.evaluator.history,
                    "seconds": self.clock.seconds,
                    "random": random_state(self.device),
                    "sampler": self.hooks.state(),
                    "problem": self.problem.training_state(),
                }
            )

    def _continue_from_checkpoint(self) -> None:
        """Restore the run's checkpoint. Without one, read the probes at the start."""
        checkpoints = self.checkpoints
        saved = checkpoints.load() if checkpoints is not None and self.batches is not None else None
        if checkpoints is None or self.batches is None or saved is None:
            self._read_probes()
            return
        try:
            restore_network(self.network, saved["network"])
        except ValueError as error:
            checkpoints.reject(str(error))
            self._read_probes()
            return
        self.take_step.restore(saved["optimisers"])
        self.batches.restore(saved["batches"])
        self.problem.restore_training_state(saved["problem"])
        self.record.restore(saved["progress"])
        self.evaluator.history[:] = saved["history"]
        for part, seconds in saved["seconds"].items():
            self.clock.seconds[part] += seconds
        restore_random_state(saved["random"], self.device)
        self.hooks.restore(saved["sampler"])

    def _result(self, diverged_at: int | None = None, nonfinite: tuple[int, tuple[str, ...]] | None = None) -> FitResult:
        record = self.record
        return FitResult(
            tuple(record.curve),
            record.step,
            record.points,
            None if self.work is None else self.work.flops * self.problem.batch,
            self.take_step.facts(),
            tuple(record.readings),
            diverged_at=diverged_at,
            nonfinite_gradient=nonfinite,
            own_training=None if self.hooks.own is None else str(self.hooks.own),
        )


def _solve(
    model: LinearModel,
    problem: Problem,
    evaluator: Evaluator,
    device: torch.device,
    clock: Clock,
    meter: MemoryMeter,
    engine: Engine,
    on_progress: OnProgress,
    on_curve_point: Callable[[int, Predictor], None] | None,
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
            on_progress(Progress(step, 0, loss, value))
            if on_curve_point is not None:
                with meter.paused():
                    on_curve_point(step, predict)
    problem.as_dtype(torch.float32)
    model.to(dtype)
    note = "least squares by conjugate gradients: the protocol's optimiser is not used"
    facts = StepFacts(engine, False, 0, note, 0, MatmulBackend("default", None))
    return FitResult(tuple(curve), step, step * problem.n_points, None, facts)
