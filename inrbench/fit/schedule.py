"""When: the learning rate of an epoch, and the steps at which a learning curve has its points."""

import math

from inrbench.spec import Protocol


def learning_rate(protocol: Protocol, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 0, as torch's schedulers stepped once an epoch give it.

    ``cosine``: CosineAnnealingLR with T_max = epochs; ``exponential``: lr (lr_min / lr)^(epoch / epochs); ``constant``: lr.
    """
    progress = epoch / protocol.epochs
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
