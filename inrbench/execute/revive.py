"""A finished run brought back to life: its problem, and its network with the weights it ended with."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from inrbench.errors import BadValue, BrokenPlugin, NothingFound
from inrbench.execute.worker import WEIGHTS_FILE, build_network, stream_name
from inrbench.nn import load_weights
from inrbench.problems import Problem
from inrbench.registry import Registry
from inrbench.spec import Protocol, derived_seed
from inrbench.store import artifact_files, spec_of


def revive(
    row: dict[str, Any], results: Path, registry: Registry, signal_file: Path | None = None
) -> tuple[nn.Module, Problem]:
    """Return a stored run's network, on the CPU, and its problem.

    Raises NothingFound where its weights were not kept, BrokenPlugin where the method's file has changed since, DataMissing.
    """
    name = f"{row['task']}/{row['signal']} {row['method']} seed {row['seed']}"
    weights = artifact_files(results, row["artifacts"]).get(WEIGHTS_FILE)
    if weights is None:
        raise NothingFound(
            f"the weights of {name} are not in '{results / 'artifacts'}'; keep them: inrbench run --artifacts last"
        )
    source = registry.source("method", row["method"])
    if source.sha256() != row["method_sha256"]:
        raise BrokenPlugin(f"{source.path} has changed since {name} ran: its weights mean nothing to it; run it again")
    task = registry.task(row["task"])
    if signal_file is not None:
        task.adopt(signal_file)
    elif row["signal"] not in task.signals():
        raise BadValue(f"{name} was fitted to a file of yours; name it: --signal path/to/{row['signal']}")
    settings = type(next(iter(task.protocols.values())).settings)
    protocol = Protocol.decoded(json.loads(row["protocol_json"]), settings)
    stream = stream_name(task, row["signal"], protocol)
    problem = task.problem(row["signal"], protocol, derived_seed("data", row["task"], stream, row["seed"]))
    network = build_network(spec_of(row), protocol, registry, problem, stream)
    problem.admit(network)
    load_weights(network, weights)
    return network.to(torch.device("cpu")), problem
