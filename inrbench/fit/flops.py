"""How much arithmetic a step is, counted by running it and not guessed."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from inrbench.problems import Batch, Problem


def flops_per_point(network: torch.nn.Module, problem: Problem, sample: Batch) -> float:
    """Return the floating-point operations of forward and backward for one point, counted on a small batch.

    Matrix products only, a multiply-add as two; elementwise work is not counted.
    """
    n = len(sample[0])
    with FlopCounterMode(display=False) as counter:
        problem.loss(network, sample, n).backward()
    network.zero_grad(set_to_none=True)
    return counter.get_total_flops() / n
