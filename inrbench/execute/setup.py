"""Set up a run: its random numbers, its network, and checks of its method."""

import hashlib
import random

import numpy as np
import torch
from torch import nn

from inrbench.errors import BrokenPlugin
from inrbench.execute.job import Job
from inrbench.nn import HasOwnTraining, LinearModel, is_solver
from inrbench.problems import Problem
from inrbench.registry import Method, Registry, Task
from inrbench.spec import Metric, NetworkSpec, Protocol, RunSpec, canonical_json, derived_seed

CONTENT_POINTS = 1 << 20
"""Number of points by which a user's file is identified. Points beyond them do not distinguish two files."""


def random_stream(task: Task, signal: str, protocol: Protocol) -> str:
    """Return the text that seeds a signal's random numbers: the signal's name, or a content hash of the user's file.

    The content is what the task reads from the file. The same values in a different format, or under a different name, give
    the same text.

    Args:
        task: The task.
        signal: Name of the signal.
        protocol: The protocol, under which the file is read.
    """
    if signal not in task.files:
        return signal
    batch = task.problem(signal, protocol, 0).example(CONTENT_POINTS)
    return hashlib.sha256(b"".join(tensor.cpu().numpy().tobytes() for tensor in batch)).hexdigest()


def build_network(spec: RunSpec, protocol: Protocol, registry: Registry, problem: Problem, stream: str) -> nn.Module:
    """Return the network with its initial weights, on the CPU.

    The weights depend on (method, parameters, signal, seed) and nothing else.

    Args:
        spec: The run.
        protocol: Its protocol, which gives the width and number of layers.
        registry: Registry with the method.
        problem: Its problem, which gives the numbers of inputs and outputs, and the domain.
        stream: The signal's ``random_stream``.
    """
    net = NetworkSpec(
        in_features=problem.in_features,
        out_features=problem.out_features,
        width=protocol.width,
        n_layers=protocol.n_layers,
        domain=problem.domain,
    )
    # drawn on the CPU and in float32, so that runs on a GPU or in float64 start from the same weights
    seed = derived_seed("init", spec.method, canonical_json(dict(spec.params)), stream, spec.seed)
    torch.manual_seed(seed)
    random.seed(seed)  # some plugins use these two generators
    np.random.seed(seed % 2**32)
    network = registry.method(spec.method)(net, **spec.params)
    return network.double() if protocol.precision == "float64" else network


def metrics_to_compute(job: Job, task: Task) -> tuple[Metric, ...]:
    """Return the metrics that a run computes, the primary one first: all of its protocol, or only those that its job names.

    Args:
        job: The job.
        task: Its task.
    """
    primary, *others = task.metrics_of(job.protocol)
    return primary, *(metric for metric in others if not job.metrics or metric.id in job.metrics)


def refuse_changed_plugin(job: Job, registry: Registry) -> None:
    """Raise BrokenPlugin if the file of a job's method has changed since the plan was made."""
    source = registry.source("method", job.spec.method)
    if source.sha256() != job.spec.method_sha256:
        raise BrokenPlugin(f"{source.path} has changed since the run was planned; run the same command again")


def refuse_undeclared_training(method: Method, network: nn.Module) -> None:
    """Raise BrokenPlugin if a network brings its own training and its registration does not say so, or the other way round."""
    if (is_solver(network) or isinstance(network, LinearModel)) and hasattr(network, "own_training"):
        raise BrokenPlugin("the network has a method own_training, but it is solved and not trained by an optimiser; remove it")
    if method.closed_form and not isinstance(network, LinearModel):
        raise BrokenPlugin("register_method says closed_form=True, and the network is no inrbench.nn.LinearModel: remove it")
    if isinstance(network, HasOwnTraining) != method.own_training:
        has = "has a method own_training" if not method.own_training else "has no method own_training"
        raise BrokenPlugin(f"the network {has}, and register_method says own_training={method.own_training}: make them agree")
