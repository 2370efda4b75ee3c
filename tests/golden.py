"""The golden table: a few digits of the loss of every method and every kind of problem after a few steps on a CPU.

``python tests/golden.py`` rewrites ``tests/golden.json``. Do this only if a number is meant to change. If a published number
could change too, raise ``inrbench.spec.HARNESS_VERSION`` in the same commit: see CONTRIBUTING.md.
"""

import json
import sys
from pathlib import Path

import torch

from inrbench.execute.worker import build_network, random_stream
from inrbench.fit import Clock, MemoryMeter, fit
from inrbench.planning import Request, make_plan
from inrbench.problems import Evaluator
from inrbench.registry import Registry
from inrbench.spec import HARNESS_VERSION, derived_seed

TABLE = Path(__file__).with_suffix(".json")
CPU = torch.device("cpu")
STEPS = {"epochs": "3", "width": "16"}
SMALL = {
    "resolution": "12", "frames": "5", "max_pixels": "400", "condition_points": "8", "rate": "400", "max_voxels": "400",
    "side": "8", "samples": "6", "points": "300",
}  # fmt: skip
"""Settings that make a protocol of each kind of task small."""
PLACES = {"image": ("photo", "camera"), "ct": ("ct", "discs"), "pde": ("poisson2d", "ablation")}
"""Kind -> task and signal for a method: the first one that it supports."""
FULL_BATCH = {"image", "video", "shape", "restoration", "audio"}


def cases(registry: Registry) -> list[tuple[str, str, str]]:
    """Return (method, task, signal): every method on a suitable task, and siren or msa-pinn on every task."""
    found = []
    for name in registry.methods:
        method = registry.method(name)
        found.append((name, *next(place for kind, place in PLACES.items() if method.supports(kind))))
    made = {"sdf": "knot", "sdf-points": "knot", "occupancy": "gyroid", "video": "orbits", "ct": "discs"}
    for task in registry.tasks:
        kind = registry.task(task).kind
        if task != "kodak":  # needs its data set, and is the same problem as photo
            found.append(("msa-pinn" if kind == "pde" else "siren", task, made.get(task, registry.task(task).signals()[0])))
    return list(dict.fromkeys(found))


def loss_after(registry: Registry, method: str, task: str, signal: str, engine: str) -> float:
    """Return the loss after a few training steps."""
    plugin = registry.task(task)
    settings = plugin.protocols["quick"].settings
    small = {name: text for name, text in SMALL.items() if isinstance(getattr(settings, name, None), int)}
    whole = {"batch": "none"} if plugin.kind in FULL_BATCH and task != "sdf-points" else {}
    own = {"own_training": "true"} if registry.method(method).own_training else {}
    request = Request(
        methods=method, tasks=task, protocol="quick", signals=signal, engine=engine, changes={**STEPS, **small, **whole, **own}
    )
    (job,) = make_plan(request, {})[0].todo
    torch.set_num_threads(1)
    data_seed = derived_seed("data", task, signal, 0)
    problem = plugin.problem(signal, job.protocol, data_seed)
    network = build_network(job.spec, job.protocol, registry, problem, random_stream(plugin, signal, job.protocol))
    problem.validate_network(network)
    evaluator = Evaluator(plugin.metrics_of(job.protocol), problem.evaluation)
    fitted = fit(network, problem, job.protocol, evaluator=evaluator, device=CPU, data_seed=data_seed, clock=Clock(CPU), meter=MemoryMeter(CPU),
                 engine=engine)  # fmt: skip
    return fitted.curve[-1].loss


def table() -> dict[str, object]:
    """Return the table for the current code."""
    registry = Registry()
    losses = {f"{m} on {t}/{s}": float(f"{loss_after(registry, m, t, s, 'reference'):.5g}") for m, t, s in cases(registry)}
    return {"edition": HARNESS_VERSION, "losses": losses}


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), indent=1) + "\n")
    sys.stdout.write(f"wrote {TABLE}\n")
