"""Repeat the first steps of stored runs here and compare: ``python benchmarks/first_steps.py RESULTS TASK PROTOCOL OUT.json``.

A run on a GPU starts from the same weights as one on a CPU. Its curve must therefore agree with that of a CPU over the first
steps, up to rounding, which grows with the steps. This takes minutes where the whole run would take hours. The runs are those of the
track ``paper`` on a GPU. ``--steps 10``: compare up to this step.
"""

import argparse
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from inrbench.execute.setup import build_network, random_stream
from inrbench.fit import DTYPES, fit
from inrbench.fit.clock import Clock
from inrbench.fit.memory import MemoryMeter
from inrbench.fit.predictor import Predictor
from inrbench.problems import Evaluator
from inrbench.registry import Registry
from inrbench.spec import derived_seed
from inrbench.store import environment, read_runs, spec_of

CPU = torch.device("cpu")


class EnoughSteps(Exception):
    """The steps to compare have been taken."""


def first_steps(row: dict[str, Any], registry: Registry, steps: int) -> dict[int, float]:
    """Return step -> primary metric of the first steps of a run, repeated on this machine's CPU."""
    spec, task = spec_of(row), registry.task(row["task"])
    protocol = task.protocol(row["protocol"])
    if protocol.fingerprint(task.name, task.version) != row["protocol_fingerprint"]:
        sys.exit(f"protocol {protocol.name} of {task.name} has changed since these runs; compare with the commit of the rows")
    stream = random_stream(task, spec.signal, protocol)
    seed = derived_seed("data", spec.task, stream, spec.seed)
    problem = task.problem(spec.signal, protocol, seed)
    problem.as_dtype(DTYPES[protocol.precision])
    network = build_network(spec, protocol, registry, problem, stream)
    evaluator = Evaluator(task.metrics_of(protocol), problem.evaluation)
    found: dict[int, float] = {}

    def keep(step: int, _: Predictor) -> None:
        found[step] = evaluator.history[-1]
        if step >= steps:
            raise EnoughSteps

    with suppress(EnoughSteps):
        fit(
            network, problem, protocol, evaluator=evaluator, device=CPU, data_seed=seed, clock=Clock(CPU), meter=MemoryMeter(CPU),
            engine=spec.engine, on_curve_point=keep,
        )  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("task")
    parser.add_argument("protocol")
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=10)
    given = parser.parse_args()
    registry, compared, here = Registry(), list[dict[str, Any]](), environment("cpu", 1, 1, (None, None))
    for row in read_runs(given.results).table.to_pylist():
        wanted = (row["task"], row["protocol"], row["track"]) == (given.task, given.protocol, "paper")
        if not wanted or row["device_class"] != "cuda" or row["status"] != "ok":
            continue
        stored = {point["step"]: point["value"] for point in row["curve"]}
        pairs = {
            step: [stored[step], value] for step, value in first_steps(row, registry, given.steps).items() if step in stored
        }
        largest = max(abs(there - here) for there, here in pairs.values())
        compared.append(
            {
                "run_id": row["run_id"], "signal": row["signal"], "method": row["method"], "seed": row["seed"],
                "metric": row["primary_metric"], "device": row["device_name"], "torch": row["torch"],
                "here": {"cpu": here.cpu_model, "torch": here.torch},
                "step: [stored, here]": pairs, "largest difference": largest,
            }
        )  # fmt: skip
        print(f"{row['signal']} {row['method']}: {len(pairs)} points, largest difference {largest:.2g}", flush=True)
        given.out.write_text(json.dumps(compared, indent=1) + "\n", encoding="utf-8")
    if not compared:
        sys.exit(f"no runs of {given.task}, protocol {given.protocol}, on a GPU in '{given.results}'")


if __name__ == "__main__":
    main()
