"""Time what users wait for: ``python benchmarks/waits.py OUT.json``.

Measured are ``import inrbench``; the time from the start of ``inrbench run`` to the first training step of a run that is not
compiled, when files are in the cache of the system; the signed distances of the Armadillo on a grid of 128^3 points, on two cores
(with ``INRBENCH_DATA``); and a step of gp-hm-stm with 200 x 200 grid points and 30 waves. Medians; run it on a quiet machine.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import inrbench
from inrbench.data import read_mesh, require_file
from inrbench.data.distance import signed_distance
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec

ROUNDS = 7
PLUGIN = '''"""clock: a sine that writes down when it is evaluated with gradients.

    y = sin(30 z)
"""

import os
import time

import torch
from torch import nn

from inrbench import CoordinateMLP, register_method
from inrbench.nn import siren_init


class Act(nn.Module):
    """A sine."""

    def forward(self, z):
        """Apply."""
        if torch.is_grad_enabled():
            with open(os.environ["CLOCK"], "a") as file:
                file.write(f"{time.time()}\\n")
        return torch.sin(30 * z)


@register_method("clock", formula="sin(30 z)")
def clock(net):
    """Build the network."""
    return CoordinateMLP(net, lambda layer: Act(), init=siren_init(30.0))
'''
RUN = ["run", "--methods", "clock.py", "--tasks", "function1d", "--signals", "sin200", "--protocol", "quick", "--set", "epochs=1",
       "--device", "cpu", "--jobs", "1", "--artifacts", "none"]  # fmt: skip


def median_seconds(act: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median seconds of an act, after one that is not counted."""
    act()
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def to_first_step() -> float:
    """Return the median seconds from the start of the command to its only training step."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "clock.py").write_text(PLUGIN)
        for number in range(ROUNDS + 1):
            clock = Path(folder) / f"{number}.txt"
            begin = time.time()
            subprocess.run(
                [sys.executable, "-m", "inrbench", *RUN, "--seeds", f"{number},"],
                cwd=folder, env={**os.environ, "CLOCK": str(clock), "OMP_NUM_THREADS": "1"}, check=True, capture_output=True,
            )  # fmt: skip
            found.append(float(clock.read_text().split()[-1]) - begin)
    return statistics.median(found[1:])


def distances_of_armadillo() -> float:
    """Return the median seconds for the signed distances on a grid of 128^3 points."""
    mesh = read_mesh(require_file("meshes", "armadillo_52k.ply.gz"))
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    axes = [np.linspace(a, b, 128) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return median_seconds(lambda: signed_distance(mesh, grid), rounds=3)


def step_of_gp() -> float:
    """Return the median seconds of a step of gp-hm-stm on Poisson's equation."""
    torch.set_num_threads(1)
    registry = Registry()
    task, method = registry.task("poisson2d"), registry.method("gp-hm-stm")
    network = method(NetworkSpec(in_features=2, out_features=1, width=8, n_layers=2), n=(200, 200), n_waves=30)
    network.begin(task.problem("sin6cos20", task.protocols["paper"], 0).equation)
    return median_seconds(network.step, rounds=100)


def main(out: Path) -> None:
    """Measure, print and write."""
    report = {
        "inrbench": inrbench.__version__,
        "torch": torch.__version__,
        "cores": os.cpu_count(),
        "import inrbench (s)": median_seconds(lambda: subprocess.run([sys.executable, "-c", "import inrbench"], check=True)),
        "python alone (s)": median_seconds(lambda: subprocess.run([sys.executable, "-c", ""], check=True)),
        "inrbench run to the first step (s)": to_first_step(),
        "step of gp-hm-stm, 200 x 200, 30 waves (ms)": 1e3 * step_of_gp(),
    }
    torch.set_num_threads(2)
    report["distances of the Armadillo, 128^3 (s)"] = distances_of_armadillo()
    report = {name: round(value, 3) if isinstance(value, float) else value for name, value in report.items()}
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
