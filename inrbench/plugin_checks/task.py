"""All checks of a task."""

import math

import torch
from torch import nn

from inrbench.errors import InrbenchError
from inrbench.plugin_checks.base import CheckResult, OnResult, ignore_result, run_checks
from inrbench.problems import Evaluator, Problem
from inrbench.registry import Task
from inrbench.spec import Protocol


def check_task(task: Task, on_result: OnResult = ignore_result) -> list[CheckResult]:
    """Check a task and return one result per check.

    Checks that need a problem use the first signal under the protocol ``quick``, or under the first protocol without it.
    """
    return run_checks(task, (description, signals, protocols, size, evaluation, repeatability, loss), on_result)


def description(task: Task) -> CheckResult:
    """The task has a kind, protocols, and a version that ``changes`` explains."""
    missing = [name for name in ("kind", "version", "changes", "protocols") if not getattr(task, name, None)]
    if missing:
        return CheckResult("description", "fail", f"no {', '.join(missing)}", "see: inrbench new task my_task")
    if task.version not in task.changes:
        return CheckResult(
            "description", "fail", f"changes does not explain version {task.version}", 'changes = {"1": "first version"}'
        )
    return CheckResult("description", "ok", f"kind {task.kind}, version {task.version}")


def signals(task: Task) -> CheckResult:
    """Each signal has a hash of its content, and an unknown name raises an error."""
    names = task.signals()
    hashes = [task.signal_sha256(name) for name in names]
    if len(set(hashes)) != len(hashes) or any(len(mark) != 64 for mark in hashes):
        advice = "use digest() of inrbench.spec for generated signals, file_sha256() of inrbench.data for files"
        return CheckResult("signals", "fail", "the hashes are not distinct SHA-256 values", advice)
    try:
        task.signal_sha256("no-such-signal")
    except InrbenchError:
        return CheckResult("signals", "ok", f"{len(names)}, each with its own hash")
    return CheckResult("signals", "fail", "an unknown name is accepted", "raise inrbench.errors.unknown_name(...)")


def protocols(task: Task) -> CheckResult:
    """Protocols have matching names, known metrics and sources, and one of them is quick."""
    for name, protocol in task.protocols.items():
        if protocol.name != name:
            return CheckResult("protocols", "fail", f"the protocol '{name}' has the name '{protocol.name}'", f'name="{name}"')
        task.metrics_of(protocol)
    bare = [name for name, protocol in task.protocols.items() if not protocol.sources]
    if bare or "quick" not in task.protocols:
        what = f"no sources for {', '.join(bare)}" if bare else "no protocol is named quick"
        return CheckResult("protocols", "warn", what, "give the source of each number; quick is for a laptop")
    return CheckResult("protocols", "ok", ", ".join(task.protocols))


def size(task: Task) -> CheckResult:
    """The problem has the size that ``size()`` returns, on which time estimates are based."""
    problem, size = _problem(task), task.size(task.signals()[0], _protocol(task))
    found = (problem.in_features, problem.out_features, problem.n_points, problem.evals_per_point)
    stated = (size.in_features, size.out_features, size.n_points, size.evals_per_point)
    if found != stated:
        return CheckResult(
            "size",
            "fail",
            f"size() returns {stated}, the problem has {found}",
            "features in, features out, points, evaluations",
        )
    return CheckResult("size", "ok", f"{size.in_features} -> {size.out_features}, {size.n_points:,} points")


def evaluation(task: Task) -> CheckResult:
    """The evaluation returns the outputs that the protocol's metrics need."""
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
    """The same seed gives the same points."""
    batches = [next(_problem(task).batches(torch.Generator().manual_seed(1))) for _ in range(2)]
    if not all(torch.equal(a, b) for a, b in zip(*batches, strict=True)):
        return CheckResult(
            "repeatability", "fail", "the same seed gave different points", "draw only from data_seed and the generator"
        )
    return CheckResult("repeatability", "ok", "the same seed gives the same points")


def loss(task: Task) -> CheckResult:
    """The loss gives a finite gradient that is not zero."""
    problem = _problem(task)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(problem.in_features, 16), nn.Tanh(), nn.Linear(16, problem.out_features))
    batch = problem.example(512)
    problem.loss(network, batch, torch.tensor(1 / len(batch[0]))).backward()
    slopes = [p.grad for p in network.parameters()]
    if any(g is None or not g.isfinite().all() for g in slopes) or not any(g is not None and g.any() for g in slopes):
        return CheckResult("loss", "fail", "its gradient is zero or not finite")
    return CheckResult("loss", "ok", "its gradient is finite and not zero")


def _protocol(task: Task) -> Protocol:
    return task.protocols.get("quick") or next(iter(task.protocols.values()))


def _problem(task: Task) -> Problem:
    return task.problem(task.signals()[0], _protocol(task), 1)
