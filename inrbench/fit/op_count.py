"""Count the arithmetic of a step by running it on a few points."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from inrbench.nn import CoordinateMLP, Sine, siren_init
from inrbench.problems import Problem
from inrbench.spec import NetworkSpec

SAMPLE_POINTS = 64
OMEGA = 30.0
"""Frequency of the usual network; the counts do not depend on it."""


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


def count_usual_ops(problem: Problem, width: int, n_layers: int, device: torch.device) -> OpCount:
    """Return the op count of a usual network of some size: sines after linear layers.

    It depends on the problem and the size, and not on the method. The random state does not change.

    Args:
        problem: The problem, on the device.
        width: Width of the nonlinear layers.
        n_layers: Number of nonlinear layers.
        device: Device of the problem.
    """
    net = NetworkSpec(in_features=problem.in_features, out_features=problem.out_features, width=width, n_layers=n_layers)
    with torch.random.fork_rng(devices=[]):
        network = CoordinateMLP(net, lambda layer: Sine(OMEGA), siren_init(OMEGA))
    dtype = problem.example(1)[0].dtype
    return count_ops(network.to(device=device, dtype=dtype), problem)


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
