"""Probes: measurements read during training, outside the train clock, at the start and at the points of the curve.

They change nothing: no weights, no random state, and no gradient that the step would use.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from inrbench.errors import unknown_name
from inrbench.fit.predictor import Predictor
from inrbench.metrics.spectrum import energy_by_octave
from inrbench.nn import LinearModel, activations_of, is_solver
from inrbench.problems import Problem
from inrbench.spec import ProbeReading

EPSILON = 1e-20
"""Constant added to |gradient| before its logarithm (equation 7 of the paper has one, but its value is not printed)."""
GRADIENT_POINTS = 4096
NTK_POINTS = 256
NTK_CHUNK = 64
DEAD = 1e-6
"""Standard deviation of an activation's output over the points below which it counts as dead."""

Readings = Mapping[str, float]
NOTHING: Readings = {"things read": 0.0}


def probe_names(text: str) -> tuple[str, ...]:
    """Return the probe names in a comma-separated text such as ``a,b``. Raises UnknownName for a name without a probe."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name not in PROBES:
            raise unknown_name("probe", name, PROBES)
    return names


def read_probes(names: Sequence[str], network: nn.Module, problem: Problem, step: int) -> list[ProbeReading]:
    """Return the readings of probes on a network after ``step`` steps.

    A probe that finds nothing to read, like most probes on a method that fits itself, returns a placeholder reading.
    Otherwise the run would be repeated for this probe.

    Args:
        names: Names of the probes.
        network: Network to read.
        problem: Problem that the network is fitted to.
        step: Steps taken so far.
    """
    readings = [
        ProbeReading(probe=name, step=step, name=what, value=value)
        for name in names
        for what, value in (_read(name, network, problem) or NOTHING).items()
    ]
    network.zero_grad(set_to_none=True)
    return readings


def _read(name: str, network: nn.Module, problem: Problem) -> Readings:
    trained = not (is_solver(network) or isinstance(network, LinearModel))
    return PROBES[name](network, problem) if trained or name == "spectrum" else {}


def gradients(network: nn.Module, problem: Problem) -> Readings:
    """Return, for each weight matrix from input to output, the mean of log10(|gradient| + EPSILON) over its entries.

    The gradient is that of the loss on a fixed batch of at most GRADIENT_POINTS points. Han et al., AAAI 2026, equation 7.
    """
    batch = problem.example(GRADIENT_POINTS)
    weight = torch.full((), 1 / len(batch[0]), device=batch[0].device, dtype=batch[0].dtype)
    network.zero_grad(set_to_none=True)
    problem.loss(network, batch, weight).backward()
    matrices = [p.grad for p in network.parameters() if p.ndim > 1 and p.grad is not None]
    return {f"layer {i}": float((g.abs().double() + EPSILON).log10().mean()) for i, g in enumerate(matrices, start=1)}


def activations(network: nn.Module, problem: Problem) -> Readings:
    """Return, for each of the network's ``activations``, the standard deviation of its outputs and the share that is dead."""
    readings = {}
    for i, output in enumerate(activation_outputs(network, _points(problem, GRADIENT_POINTS)), start=1):
        deviations = output.double().std(dim=0)
        readings[f"std layer {i}"] = float(output.double().std())
        readings[f"dead layer {i}"] = float((deviations < DEAD).double().mean())
    return readings


def _points(problem: Problem, most: int) -> Tensor:
    """Return coordinates ``(N, d)`` of a fixed batch, also if a point of the problem is the mean of several evaluations."""
    coordinates = problem.example(max(1, most // problem.evals_per_point))[0]
    return coordinates.reshape(-1, coordinates.shape[-1])


@torch.no_grad()
def activation_outputs(network: nn.Module, x: Tensor) -> list[Tensor]:
    """Return the outputs ``(N, width)`` of the network's ``activations`` at coordinates; an empty list if it has none."""
    outputs: list[Tensor] = []
    hooks = [module.register_forward_hook(lambda m, i, o: outputs.append(o)) for module in activations_of(network)]
    try:
        network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return outputs


def ntk(network: nn.Module, problem: Problem) -> Readings:
    """Return the shares of the empirical neural tangent kernel's trace: its three largest eigenvalues, and the rest.

    The kernel is J J^T of the outputs, summed over channels, at the first NTK_POINTS points of a fixed batch. Han et al., AAAI
    2026, figure 2b; which points they use, and how many, is not published.
    """
    x = _points(problem, NTK_POINTS)
    weights = {name: p.detach() for name, p in network.named_parameters() if p.requires_grad}
    others = {**dict(network.named_buffers()), **{n: p.detach() for n, p in network.named_parameters() if not p.requires_grad}}

    def output(weights: dict[str, Tensor], point: Tensor) -> Tensor:
        total: Tensor = functional_call(network, {**weights, **others}, (point[None],)).sum()
        return total

    slopes = vmap(grad(output), in_dims=(None, 0))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "There is a performance drop")  # of operations that are not batched, but right
        rows = [torch.cat([g.flatten(1) for g in slopes(weights, part).values()], dim=1) for part in x.split(NTK_CHUNK)]
    jacobian = torch.cat(rows)
    values = torch.linalg.eigvalsh((jacobian @ jacobian.T).double()).clamp(min=0).flip(0)
    shares = (values / values.sum()).tolist()
    return {"r1": shares[0], "r2": shares[1], "r3": shares[2], "remain": sum(shares[3:])}


def spectrum(network: nn.Module, problem: Problem) -> Readings:
    """Return the energy of the error and of the truth per octave of frequency; the error's energies sum to its mean square.

    Computed on the grid that the task displays: the dense grid of a function, an image, the middle frame of a video, a plane
    through a solid, or the test grid of an equation. Frequencies are in cycles over the extent of the grid.
    """
    device = next(network.parameters()).device
    pair = problem.evaluation.grid_pair(Predictor(network, device))
    if pair is None:
        return {}
    truth, prediction = pair
    energies = {"error": energy_by_octave(prediction - truth), "truth": energy_by_octave(truth)}
    return {f"{what} {octave}": energy for what, parts in energies.items() for octave, energy in parts.items()}


PROBES: dict[str, Callable[[nn.Module, Problem], Readings]] = {
    "gradients": gradients,
    "activations": activations,
    "ntk": ntk,
    "spectrum": spectrum,
}
