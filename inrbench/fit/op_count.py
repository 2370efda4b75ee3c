"""How much arithmetic a step is, counted by running it and not guessed."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from inrbench.problems import Problem

SAMPLE_POINTS = 64


@dataclass(frozen=True)
class OpCount:
    """Of forward and backward: for one point the ``flops`` of matrix products (a multiply-add is two) and ``elements``, the
    numbers that all other operations write; for any number of points the ``calls`` of operations."""

    flops: float
    elements: float
    calls: int


def count_ops(network: torch.nn.Module, problem: Problem) -> OpCount:
    """Return the work of the fast way, counted on a small batch. Leaves no gradient behind."""
    loss = problem.fast_loss(network)
    sample = problem.example(SAMPLE_POINTS)
    n = len(sample[0])
    weight = torch.tensor(1 / n, device=sample[0].device, dtype=sample[0].dtype)
    with _Counter() as count:
        loss(network, sample, weight).backward()
    network.zero_grad(set_to_none=True)
    return OpCount(flops=count.flops / n, elements=count.elements / n, calls=count.calls)


class _Counter(TorchDispatchMode):
    """Counts the operations that compute something: the arithmetic of matrix products, the numbers that all others write.

    (torch's FlopCounterMode counts by the same table, but its module hooks cannot be under ``torch.func.grad``.)
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
