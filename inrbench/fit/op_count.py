"""Count the arithmetic of a step by running it on a few points."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from inrbench.problems import Problem

SAMPLE_POINTS = 64


@dataclass(frozen=True)
class OpCount:
    """Op count of one forward and backward pass.

    Args:
        flops: FLOPs of the matrix products per point; a multiply-add counts as two.
        elements: Numbers that all other operations write, per point.
        calls: Number of operations called, for any number of points.
    """

    flops: float
    elements: float
    calls: int


def count_ops(network: torch.nn.Module, problem: Problem) -> OpCount:
    """Return the op count of the fast engine's loss, counted on a small batch. Leaves no gradients behind."""
    loss = problem.fast_loss(network)
    sample = problem.example(SAMPLE_POINTS)
    n = len(sample[0])
    weight = torch.tensor(1 / n, device=sample[0].device, dtype=sample[0].dtype)
    with _Counter() as count:
        loss(network, sample, weight).backward()
    network.zero_grad(set_to_none=True)
    return OpCount(flops=count.flops / n, elements=count.elements / n, calls=count.calls)


class _Counter(TorchDispatchMode):
    """Count the operations that compute something: the FLOPs of matrix products, and the numbers that all others write.

    (torch's FlopCounterMode uses the same table, but its module hooks do not work under ``torch.func.grad``.)
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = self.elements = self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.is_view:
            return result
        self.calls += 1
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.flops += count(*args, **(kwargs or {}), out_val=result)
        elif isinstance(result, torch.Tensor):
            self.elements += result.numel()
        return result
