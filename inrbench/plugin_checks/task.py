"""Everything that is checked of a task."""

import math

import torch
from torch import nn

from inrbench.errors import InrbenchError
from inrbench.plugin_checks.base import CheckResult, OnResult, ignore_result, run_checks
from inrbench.problems import Evaluator, Problem
from inrbench.registry import Task
from inrbench.spec import Protocol


def check_task(task: Task, on_result: OnResult = ignore_result) -> list[CheckResult]:
    """Return a verdict for each check of a task, on its first signal under its quick protocol, or its first."""
    return run_checks(task, (description, signals, protocols, size, evaluation, repeatability, loss), on_result)


def description(task: Task) -> CheckResult:
    """A kind, a version that is explained, metrics."""
    missing = [name for name in ("kind", "version", "changes", "protocols") if not getattr(task, name, None)]
    if missing:
        return CheckResult("description", "fail", f"no {', '.join(missing)}", "see: inrbench new task my_task")
    if task.version not in task.changes:
        return CheckResult(
            "description", "fail", f"version {task.version} is not explained", 'changes = {"1": "first version"}'
        )
    return CheckResult("description", "ok", f"kind {task.kind}, version {task.version}")


def signals(task: Task) -> CheckResult:
    """Signals with hashes of what they are, and a word for names that are none."""
    names = task.signals()
    hashes = [task.signal_sha256(name) for name in names]
    if len(set(hashes)) != len(hashes) or any(len(mark) != 64 for mark in hashes):
        advice = "digest() of inrbench.spec of what makes a signal, or file_sha256 of its file"
        return CheckResult("signals", "fail", "their hashes are not distinct SHA-256", advice)
    try:
        task.signal_sha256("no-such-signal")
    except InrbenchError:
        return CheckResult("signals", "ok", f"{len(names)}, each with a hash of its own")
    return CheckResult("signals", "fail", "a name that does not exist is taken", "raise inrbench.errors.unknown(...)")


def protocols(task: Task) -> CheckResult:
    """Names, metrics and sources."""
    for name, protocol in task.protocols.items():
        if protocol.name != name:
            return CheckResult("protocols", "fail", f"the protocol '{name}' is called '{protocol.name}'", f'name="{name}"')
        task.metrics_of(protocol)
    bare = [name for name, protocol in task.protocols.items() if not protocol.sources]
    if bare or "quick" not in task.protocols:
        what = f"no sources for {', '.join(bare)}" if bare else "none is called quick"
        return CheckResult("protocols", "warn", what, "say where each number comes from; quick is for a laptop")
    return CheckResult("protocols", "ok", ", ".join(task.protocols))


def size(task: Task) -> CheckResult:
    """The problem is as large as the estimate of time takes it to be."""
    problem, told = _problem(task), task.size(task.signals()[0], _protocol(task))
    found = (problem.in_features, problem.out_features, problem.n_points, problem.evals_per_point)
    said = (told.in_features, told.out_features, told.n_points, told.evals_per_point)
    if found != said:
        return CheckResult(
            "size", "fail", f"size() says {said}, the problem is {found}", "features in, out, points, evaluations"
        )
    return CheckResult("size", "ok", f"{told.in_features} -> {told.out_features}, {told.n_points:,} points")


def evaluation(task: Task) -> CheckResult:
    """Every metric of the protocol finds the outputs it needs."""
    problem = _problem(task)

    def predict(x: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(x), problem.out_features)

    measured = Evaluator(task.metrics_of(_protocol(task)), problem.evaluation).measure(predict)
    odd = [m.note for m in measured if m.note and m.note.startswith("this problem has no output")]
    if odd:
        return CheckResult("evaluation", "fail", odd[0], "return it from outputs() of the evaluation, or name another metric")
    first = measured[0]
    if first.value is None or not math.isfinite(first.value):
        return CheckResult(
            "evaluation",
            "warn",
            f"a prediction of zeros scores {first.value} in {first.metric.id}: {first.note or 'no number'}",
        )
    return CheckResult("evaluation", "ok", f"a prediction of zeros scores {first.value:.4g} in {first.metric.id}")


def repeatability(task: Task) -> CheckResult:
    """One seed gives one set of points."""
    batches = [next(_problem(task).batches(torch.Generator().manual_seed(1))) for _ in range(2)]
    if not all(torch.equal(a, b) for a, b in zip(*batches, strict=True)):
        return CheckResult(
            "repeatability", "fail", "the same seed gave other points", "draw from data_seed and from the generator alone"
        )
    return CheckResult("repeatability", "ok", "the same seed gives the same points")


def loss(task: Task) -> CheckResult:
    """A loss that a network can learn from."""
    problem = _problem(task)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(problem.in_features, 16), nn.Tanh(), nn.Linear(16, problem.out_features))
    batch = problem.example(512)
    problem.loss(network, batch, torch.tensor(1 / len(batch[0]))).backward()
    slopes = [p.grad for p in network.parameters()]
    if any(g is None or not g.isfinite().all() for g in slopes) or not any(g is not None and g.any() for g in slopes):
        return CheckResult("loss", "fail", "it gives no finite gradient")
    return CheckResult("loss", "ok", "it gives a gradient to learn from")


def _protocol(task: Task) -> Protocol:
    return task.protocols.get("quick") or next(iter(task.protocols.values()))


def _problem(task: Task) -> Problem:
    return task.problem(task.signals()[0], _protocol(task), 1)
