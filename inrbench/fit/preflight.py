"""Check, before a network's first step, the properties that the harness relies on."""

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from inrbench.errors import BrokenPlugin
from inrbench.nn import LinearModel, is_solver
from inrbench.problems import Problem

POINTS = 17
MAX_CORNERS = 16


def check_network(network: nn.Module, problem: Problem) -> list[str]:
    """Refuse a network that does not do what the harness expects; return notes on what is unusual but not an error.

    Nothing that is drawn or changed here affects the training: weights, buffers and the random state stay as they were.

    Raises:
        BrokenPlugin: The network is refused. The message states in one line what is wrong and how to fix it.
    """
    if is_solver(network) or isinstance(network, LinearModel):
        return []
    _refuse_unlearnable(network)
    x = _coordinates(problem)
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    with torch.random.fork_rng(devices=[]):
        notes = [*_outputs(network, problem, x), *_at_the_edges(network, problem, x)]
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            buffer.copy_(buffers[name])
    network.zero_grad(set_to_none=True)
    return notes


def _refuse_unlearnable(network: nn.Module) -> None:
    parameters = list(network.parameters())
    if any(isinstance(p, nn.parameter.UninitializedParameter) for p in parameters):
        raise BrokenPlugin("the network has layers without a size (nn.Lazy...); build them with net.in_features and net.width")
    if not any(p.requires_grad for p in parameters):
        what = "has no parameters" if not parameters else "has no parameter with requires_grad"
        raise BrokenPlugin(f"the network {what}: there is nothing to train")


def _coordinates(problem: Problem) -> Tensor:
    first = problem.example(POINTS)[0]
    return first.reshape(-1, first.shape[-1])[:POINTS].detach()


def _outputs(network: nn.Module, problem: Problem, x: Tensor) -> Iterator[str]:
    given = x.clone()
    with torch.no_grad():
        y = network(given)
    if not isinstance(y, Tensor):
        raise BrokenPlugin(
            f"the network returns a {type(y).__name__}, not a tensor (N, {problem.out_features}); return the values alone"
        )
    wanted = (len(x), problem.out_features)
    if tuple(y.shape) != wanted:
        raise BrokenPlugin(
            f"the network gives {tuple(y.shape)} for {tuple(x.shape)}, not {wanted}; end with net.out_features channels"
        )
    if not y.is_floating_point():
        raise BrokenPlugin(f"the network gives {y.dtype}; return real floating-point numbers")
    if not torch.equal(given, x):
        raise BrokenPlugin("the network changes its input in place: the coordinates would drift; work on a copy, x = x * 2")
    with torch.no_grad():
        if not torch.equal(network(x.clone()), y) and bool(y.isfinite().all()):
            yield "two evaluations of the untrained network differ: its forward draws random numbers, or updates statistics"


def _at_the_edges(network: nn.Module, problem: Problem, x: Tensor) -> Iterator[str]:
    """Yield a note for each place where the value or the gradient is not finite.

    Tests 0, where roots and quotients fail, and the corners of the domain.
    """
    domain = problem.domain or ((-1.0, 1.0),) * problem.in_features
    corners = list(itertools.islice(itertools.product(*domain), MAX_CORNERS))
    places = {"at 0": torch.zeros(1, problem.in_features), "at a corner of the domain": torch.tensor(corners)}
    for where, place in places.items():
        points = place.to(x)
        network.zero_grad(set_to_none=True)
        y = network(torch.cat((points, points)) if len(points) == 1 else points)
        if not bool(y.isfinite().all()):
            yield f"its value {where} is not finite"
            continue
        y.square().sum().backward()
        nonfinite = [name for name, p in network.named_parameters() if p.grad is not None and not bool(p.grad.isfinite().all())]
        if nonfinite:
            yield f"its gradient {where} is not finite, in {', '.join(nonfinite[:3])}: a root, a quotient or a power at 0?"
