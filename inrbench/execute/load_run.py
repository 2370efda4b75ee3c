"""A finished run brought back to life: its problem, and its network with the weights it ended with."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from inrbench.errors import BadValue, BrokenPlugin, NothingFound
from inrbench.execute.worker import WEIGHTS_FILE, build_network, random_stream
from inrbench.limits import MAX_WEIGHTS_RATIO, MIB
from inrbench.nn import load_weights
from inrbench.problems import Problem
from inrbench.registry import Registry, Task
from inrbench.spec import Protocol, RunSpec, derived_seed, run_title
from inrbench.store import artifact_files, spec_of
from inrbench.store.read_guard import read_json
from inrbench.store.schema import MALFORMED_ROW, with_defaults


def load_run(
    row: dict[str, Any], results: Path, registry: Registry, signal_file: Path | None = None
) -> tuple[nn.Module, Problem]:
    """Return a stored run's network, on the CPU, and its problem.

    Raises NothingFound where its weights were not kept, BrokenPlugin where the method's file has changed since, BadValue for a
    row that cannot be understood, DataMissing.
    """
    name = run_title(row["task"], row["signal"], row["method"], row["seed"])
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
        task.register_file(signal_file)
    elif row["signal"] not in task.signals():
        raise BadValue(f"{name} was fitted to a file of yours; name it: --signal path/to/{row['signal']}")
    protocol = _protocol(row, task)
    _refuse_giant(protocol, weights)
    stream = random_stream(task, row["signal"], protocol)
    problem = task.problem(row["signal"], protocol, derived_seed("data", row["task"], stream, row["seed"]))
    network = build_network(_spec(row), protocol, registry, problem, stream)
    problem.validate_network(network)
    load_weights(network, weights)
    return network.to(torch.device("cpu")), problem


def _protocol(row: dict[str, Any], task: Task) -> Protocol:
    """Return the protocol that a row was measured under. Raises BadValue: the row may be anybody's."""
    try:
        return Protocol.decoded(read_json(row["protocol_json"]), task.settings_type)
    except MALFORMED_ROW as error:
        raise BadValue(f"run {row['run_id'][:10]} holds a protocol that cannot be understood: {error}") from error


def _spec(row: dict[str, Any]) -> RunSpec:
    """Return what a row says was run. Raises BadValue."""
    try:
        return spec_of(with_defaults(row))
    except MALFORMED_ROW as error:
        raise BadValue(f"run {row['run_id'][:10]} cannot be understood: {error}") from error


def _refuse_giant(protocol: Protocol, weights: Path) -> None:
    """Raise BadValue for a network far larger than the weights that were kept of it, before it takes its memory."""
    needed, kept = 4 * protocol.width**2 * max(0, protocol.n_layers - 1), weights.stat().st_size
    if needed > MAX_WEIGHTS_RATIO * kept + MIB:
        size = f"{protocol.n_layers} layers of {protocol.width}"
        raise BadValue(f"{weights} has {kept:,} bytes: it cannot hold the weights of {size}, as its run says")
