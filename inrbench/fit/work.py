"""How much arithmetic a step is, counted by running it and not guessed."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from inrbench.problems import Problem

SAMPLE_POINTS = 64


@dataclass(frozen=True)
class Work:
    """Of forward and backward: for one point the ``flops`` of matrix products (a multiply-add is two) and ``elements``, the
    numbers that all other operations write; for any number of points the ``calls`` of operations."""

    flops: float
    elements: float
    calls: int


def work_per_point(network: torch.nn.Module, problem: Problem) -> Work:
    """Return the work, counted on a small batch. Leaves no gradient behind."""
    sample = problem.example(SAMPLE_POINTS)
    n = len(sample[0])
    weight = torch.tensor(1 / n, device=sample[0].device)
    with FlopCounterMode(display=False) as flops, _ElementCounter() as elements:
        problem.loss(network, sample, weight).backward()
    network.zero_grad(set_to_none=True)
    return Work(flops=flops.get_total_flops() / n, elements=elements.total / n, calls=elements.calls)


class _ElementCounter(TorchDispatchMode):
    """Counts the operations that compute something, and the numbers they write but for those of matrix products."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.calls += 1
            if "mm" not in func.__name__ and isinstance(result, torch.Tensor):
                self.total += result.numel()
        return result
