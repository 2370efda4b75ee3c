"""The training loop, in plain sight: gradient accumulated over chunks of the batch, one Adam step, no wait for the device."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from inrbench.fit.clock import Clock
from inrbench.fit.schedule import learning_rate, log_spaced_steps
from inrbench.problems import Batch, Predict, Problem
from inrbench.spec import CurvePoint, Protocol

CHUNK_POINTS = {"cpu": 8192, "cuda": 65536}
"""Points whose activations are held at once: memory depends on this and not on the size of the image."""
CURVE_POINTS = 30
FINITE_CHECKS = 100
"""How often in a run the loss is looked at; each look waits for the device."""


@dataclass(frozen=True)
class Fitted:
    """What the loop did. ``diverged_at`` is the first step, counted from 1, whose loss was not finite."""

    curve: tuple[CurvePoint, ...]
    steps: int
    points_seen: int
    diverged_at: int | None = None


class Diverged(ArithmeticError):
    """The loss became NaN or infinite."""

    def __init__(self, step: int, steps: int) -> None:
        super().__init__(f"the loss was not finite at step {step} of {steps}")
        self.step = step


def fit(
    network: nn.Module,
    problem: Problem,
    protocol: Protocol,
    *,
    device: torch.device,
    data_seed: int,
    clock: Clock,
    on_progress: Callable[[float, float], None] = lambda fraction, value: None,
) -> Fitted:
    """Train a network on a problem under a protocol; both are already on the device.

    ``on_progress`` is told the fraction done and the primary metric at the last point of the learning curve. The parts
    ``compile`` (a warm-up that changes nothing), ``train`` and ``eval`` of the clock are filled. A loss that is not finite ends
    the fit at the next look, with the exact step found from the losses kept on the device; weights that are not finite after
    the last step, whose effect no loss has seen, count for that step.
    """
    generator = torch.Generator().manual_seed(data_seed)
    chunk = CHUNK_POINTS[device.type]
    steps = protocol.epochs * problem.steps_per_epoch
    optimiser = torch.optim.Adam(network.parameters(), lr=protocol.lr, fused=True)
    predict = predictor(network, device, chunk)
    losses = torch.zeros(steps, device=device)
    checkpoints = set(log_spaced_steps(steps, CURVE_POINTS))
    stride = max(1, steps // FINITE_CHECKS)
    looks = sorted(checkpoints | set(range(stride, steps, stride)))
    curve: list[CurvePoint] = []
    value, step, points = float("nan"), 0, 0

    with clock("compile"):
        warm_up(network, problem, chunk)
    batches = endless(problem, generator)
    for look in looks:
        with clock("train"):
            while step < look:
                epoch = step // problem.steps_per_epoch
                set_learning_rate(optimiser, learning_rate(protocol, epoch))
                batch = next(batches)
                losses[step] = accumulate_gradient(network, problem, batch, chunk)
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
                step, points = step + 1, points + len(batch[0])
                on_progress(step / steps, value)
            finite = bool(losses[:step].isfinite().all())
        if not finite:
            first = int((~losses[:step].isfinite()).nonzero()[0, 0]) + 1
            return Fitted(tuple(curve), step, points, diverged_at=first)
        if step in checkpoints:
            with clock("eval"):
                value = problem.evaluation.primary(predict)
            rate = learning_rate(protocol, (step - 1) // problem.steps_per_epoch)
            curve.append(CurvePoint(
                step=step, train_seconds=clock.seconds["train"], loss=float(losses[step - 1]), lr=rate, value=value,
            ))  # fmt: skip
    finite = all(bool(parameter.isfinite().all()) for parameter in network.parameters())
    return Fitted(tuple(curve), step, points, diverged_at=None if finite else step)


def accumulate_gradient(network: nn.Module, problem: Problem, batch: Batch, chunk: int) -> Tensor:
    """Add a batch's gradient to the network's, chunk by chunk, and return the batch's loss on the device.

    The sum over chunks is the full-batch gradient up to rounding; only one chunk's activations are alive at a time.
    """
    n = len(batch[0])
    total = torch.zeros((), device=batch[0].device)
    for start in range(0, n, chunk):
        loss = problem.loss(network, tuple(t[start : start + chunk] for t in batch), n)
        loss.backward()
        total += loss.detach()
    return total


def predictor(network: nn.Module, device: torch.device, chunk: int | None = None) -> Predict:
    """Return the network as a function from coordinates on any device to values on the CPU, evaluated in chunks."""
    size = chunk or CHUNK_POINTS[device.type]

    def predict(coordinates: Tensor) -> Tensor:
        with torch.inference_mode():
            return torch.cat([network(part.to(device)).float().cpu() for part in coordinates.split(size)])

    return predict


def endless(problem: Problem, generator: torch.Generator) -> Iterator[Batch]:
    """Yield the batches of epoch after epoch."""
    while True:
        yield from problem.batches(generator)


def warm_up(network: nn.Module, problem: Problem, chunk: int) -> None:
    """Run one chunk forward and backward and forget it: library start-up costs are nobody's training time."""
    batch = next(problem.batches(torch.Generator().manual_seed(0)))
    part = tuple(t[:chunk] for t in batch)
    problem.loss(network, part, len(part[0])).backward()
    network.zero_grad(set_to_none=True)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every parameter group."""
    for group in optimiser.param_groups:
        group["lr"] = rate
