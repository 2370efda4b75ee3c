"""Load a finished run: its problem, and its network with the final weights."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from inrbench.errors import BadValue, BrokenPlugin, NothingFound
from inrbench.execute.setup import build_network, random_stream
from inrbench.execute.worker import WEIGHTS_FILE
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
    """Return the network of a stored run, on the CPU, and its problem.

    Args:
        row: The stored row of the run.
        results: The results folder.
        registry: Registry with the run's method and task.
        signal_file: The user's file, if the signal is one.

    Raises:
        NothingFound: The weights were not stored.
        BrokenPlugin: The method's file has changed since the run.
        BadValue: The row cannot be understood, or the user's file was not given.
        DataMissing: The data of the signal are missing.
    """
    name = run_title(row["task"], row["signal"], row["method"], row["seed"])
    weights = artifact_files(results, row["artifacts"]).get(WEIGHTS_FILE)
    if weights is None:
        raise NothingFound(
            f"the weights of {name} are not in '{results / 'artifacts'}'; store them with: inrbench run --artifacts last"
        )
    source = registry.source("method", row["method"])
    if source.sha256() != row["method_sha256"]:
        raise BrokenPlugin(f"{source.path} has changed since {name} ran: its weights may not fit the new code; run it again")
    task = registry.task(row["task"])
    if signal_file is not None:
        task.register_file(signal_file)
    elif row["signal"] not in task.signals():
        raise BadValue(f"{name} was fitted to one of your files; give its path: --signal path/to/{row['signal']}")
    protocol = _protocol(row, task)
    _refuse_giant(protocol, weights)
    stream = random_stream(task, row["signal"], protocol)
    problem = task.problem(row["signal"], protocol, derived_seed("data", row["task"], stream, row["seed"]))
    network = build_network(_spec(row), protocol, registry, problem, stream)
    problem.validate_network(network)
    load_weights(network, weights)
    return network.to(torch.device("cpu")), problem


def _protocol(row: dict[str, Any], task: Task) -> Protocol:
    """Return the protocol of a row. Raises BadValue, since the row may come from an untrusted source."""
    try:
        return Protocol.decoded(read_json(row["protocol_json"]), task.settings_type)
    except MALFORMED_ROW as error:
        raise BadValue(f"run {row['run_id'][:10]} has a protocol that cannot be understood: {error}") from error


def _spec(row: dict[str, Any]) -> RunSpec:
    """Return the run that a row describes. Raises BadValue."""
    try:
        return spec_of(with_defaults(row))
    except MALFORMED_ROW as error:
        raise BadValue(f"run {row['run_id'][:10]} cannot be understood: {error}") from error


def _refuse_giant(protocol: Protocol, weights: Path) -> None:
    """Raise BadValue for a network far larger than its stored weights, before memory is allocated for it."""
    needed, kept = 4 * protocol.width**2 * max(0, protocol.n_layers - 1), weights.stat().st_size
    if needed > MAX_WEIGHTS_RATIO * kept + MIB:
        size = f"{protocol.n_layers} layers of {protocol.width}"
        raise BadValue(f"{weights} has {kept:,} bytes: it cannot hold the weights of {size}, which its run states")
