"""Learning rate of an epoch, and the steps at which a learning curve has its points."""

import math

from inrbench.spec import Protocol

SETTLING_POINTS = 10
"""Number of points from which a learning curve also shows the change over the last tenth of the steps."""


def learning_rate(protocol: Protocol, epoch: int, epochs: int | None = None) -> float:
    """Return the learning rate of an epoch, counted from 0, as given by torch's schedulers stepped once per epoch.

    ``cosine``: CosineAnnealingLR with T_max = epochs; ``exponential``: lr (lr_min / lr)^(epoch / epochs); ``constant``: lr;
    ``step``: lr step_factor^(epoch // step_epochs), never below lr_min. A warm-up of n epochs comes first: lr times 1/(n + 1),
    2/(n + 1), and so on; the schedule then covers the remaining epochs.

    Args:
        protocol: The protocol.
        epoch: The epoch, from 0.
        epochs: Epochs that the schedule covers; those of the protocol by default. Later epochs have the last rate.
    """
    epochs = protocol.epochs if epochs is None else epochs
    warmup = protocol.warmup_epochs
    if epoch < warmup:
        return protocol.lr * (epoch + 1) / (warmup + 1)
    epoch -= warmup
    if protocol.schedule == "step":
        assert protocol.step_epochs is not None
        assert protocol.step_factor is not None
        return max(protocol.lr_min, protocol.lr * protocol.step_factor ** (epoch // protocol.step_epochs))
    progress = min(1.0, epoch / max(epochs - warmup, 1))
    if protocol.schedule == "cosine":
        return protocol.lr - (protocol.lr - protocol.lr_min) * (1 - math.cos(math.pi * progress)) / 2
    if protocol.schedule == "exponential":
        return protocol.lr * (protocol.lr_min / protocol.lr) ** progress
    return protocol.lr


def log_spaced_steps(last: int, points: int) -> list[int]:
    """Return at most ``points`` increasing step numbers from 1 to ``last``, evenly spaced in their logarithm.

    >>> log_spaced_steps(1000, 4)
    [1, 10, 100, 1000]
    """
    spacing = math.log(last) / max(points - 1, 1)
    return sorted({round(math.exp(spacing * i)) for i in range(points)} | {last})


def curve_steps(last: int, points: int) -> list[int]:
    """Return the steps at which a learning curve is evaluated: spaced evenly in their logarithm, and nine tenths of the last.

    The change over the last tenth of the steps says whether the values have settled. A curve of fewer than ten points does not
    have this point.

    Args:
        last: Number of steps of the run.
        points: Number of points that are spaced evenly; those that fall on the same step count as one.

    >>> curve_steps(1000, 10)
    [1, 2, 5, 10, 22, 46, 100, 215, 464, 900, 1000]
    """
    steps = set(log_spaced_steps(last, points))
    return sorted(steps | {round(0.9 * last)} if points >= SETTLING_POINTS else steps)
