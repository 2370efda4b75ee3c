"""Compare the training step of inrbench with that of DeepXDE: ``taskset -c 0 python benchmarks/deepxde_steps.py OUT.json``.

It needs ``pip install deepxde``. Both solve Poisson's equation on a square with a network of 4x100 and the same activation,
float32, one thread and 4,608 rows per step; the measurements are interleaved. DeepXDE also evaluates the equation on the boundary
points, so it has fewer points inside. Only DeepXDE's own training step is timed, not the loop around it.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from inrbench import NetworkSpec
from inrbench.fit.step import FastStep, ReferenceStep
from inrbench.nn import CoordinateMLP
from inrbench.problems import benchmark_equation
from inrbench.registry import Registry

STEPS, ROUNDS, INSIDE, SIDES = 12, 9, 4096, 512
RATE = 1e-3
METHODS = ("pinn", "msa-pinn", "finer")


def network_of(method: str) -> CoordinateMLP:
    """Return the network of a method."""
    torch.manual_seed(0)
    network = Registry().method(method)(NetworkSpec(in_features=2, out_features=1, width=100, n_layers=4))
    assert isinstance(network, CoordinateMLP)
    return network


def theirs(method: str) -> Callable[[], object]:
    """Return DeepXDE's step with the activation of a method."""
    os.environ["DDE_BACKEND"] = "pytorch"
    import deepxde

    box = deepxde.geometry.Rectangle([-1, -1], [1, 1])

    def residual(x, u):
        bends = deepxde.grad.hessian(u, x, i=0, j=0) + deepxde.grad.hessian(u, x, i=1, j=1)
        return bends + 2 * np.pi**2 * torch.sin(np.pi * x[:, :1]) * torch.sin(np.pi * x[:, 1:])

    sides = deepxde.icbc.DirichletBC(box, lambda x: np.zeros((len(x), 1)), lambda _, on_boundary: on_boundary)
    data = deepxde.data.PDE(box, residual, sides, num_domain=INSIDE - SIDES, num_boundary=SIDES)
    activation = network_of(method).activations[1]
    model = deepxde.Model(data, deepxde.nn.FNN([2] + [100] * 4 + [1], activation, "Glorot normal"))
    model.compile("adam", lr=RATE)
    x, y, auxiliary = data.train_next_batch()
    assert len(x) == INSIDE + SIDES, len(x)
    return lambda: model.train_step(x, y, auxiliary)


def ours(method: str, engine: type[FastStep | ReferenceStep], *way: str) -> Callable[[], object]:
    """Return our step with a method by an engine."""
    problem = benchmark_equation("poisson", INSIDE)
    step = engine(network_of(method), problem, *way)
    step.prepare()
    return partial(step, problem.example(INSIDE), RATE)


def measured(method: str) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the medians of ratios within a round, and the seconds per step of every round."""
    parts = {"deepxde": theirs(method), "fast": ours(method, FastStep, "compiled"), "reference": ours(method, ReferenceStep)}
    rounds: dict[str, list[float]] = {name: [] for name in parts}
    for number in range(ROUNDS + 1):
        for name, step in parts.items():
            start = time.perf_counter()
            for _ in range(STEPS):
                step()
            if number:  # the first round is the warm-up
                rounds[name].append((time.perf_counter() - start) / STEPS)
    ratios = {
        f"{a} / {b}": statistics.median(x / y for x, y in zip(rounds[a], rounds[b], strict=True))
        for a, b in (("fast", "deepxde"), ("fast", "reference"), ("reference", "deepxde"))
    }
    return ratios, rounds


def main() -> None:
    """Measure, print the ratios, and write every round."""
    torch.set_num_threads(1)
    found = {method: measured(method) for method in METHODS}
    ratios = {method: each for method, (each, _) in found.items()}
    rounds = {method: each for method, (_, each) in found.items()}
    facts = {"torch": torch.__version__, "rows": INSIDE + SIDES, "steps_a_block": STEPS}
    text = json.dumps({"unit": "seconds per step", **facts, "ratios": ratios, "rounds": rounds}, indent=1)
    Path(sys.argv[1]).write_text(text + "\n", encoding="utf-8")
    print(ratios)


if __name__ == "__main__":
    main()
