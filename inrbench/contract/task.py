"""Everything that is checked of a task."""

import math

import torch
from torch import nn

from inrbench.contract.bench import Tell, Verdict, quiet, verdicts
from inrbench.errors import InrbenchError
from inrbench.problems import Problem
from inrbench.registry import Task
from inrbench.spec import Protocol


def check_task(task: Task, tell: Tell = quiet) -> list[Verdict]:
    """Return a verdict for each check of a task, on its first signal under its quick protocol, or its first."""
    return verdicts(task, (described, signals, protocols, size, judgement, repeatability, loss), tell)


def described(task: Task) -> Verdict:
    """A kind, a version that is explained, metrics."""
    missing = [name for name in ("kind", "version", "changes", "metrics", "protocols") if not getattr(task, name, None)]
    if missing:
        return Verdict("description", "fail", f"no {', '.join(missing)}", "see: inrbench new task my_task")
    if task.version not in task.changes:
        return Verdict("description", "fail", f"version {task.version} is not explained", 'changes = {"1": "first version"}')
    return Verdict("description", "ok", f"kind {task.kind}, version {task.version}, {len(task.metrics)} metrics")


def signals(task: Task) -> Verdict:
    """Signals with hashes of what they are, and a word for names that are none."""
    names = task.signals()
    hashes = [task.signal_sha256(name) for name in names]
    if len(set(hashes)) != len(hashes) or any(len(mark) != 64 for mark in hashes):
        advice = "digest() of inrbench.spec of what makes a signal, or file_sha256 of its file"
        return Verdict("signals", "fail", "their hashes are not distinct SHA-256", advice)
    try:
        task.signal_sha256("no-such-signal")
    except InrbenchError:
        return Verdict("signals", "ok", f"{len(names)}, each with a hash of its own")
    return Verdict("signals", "fail", "a name that does not exist is taken", "raise inrbench.errors.unknown(...)")


def protocols(task: Task) -> Verdict:
    """Names, metrics and sources."""
    known = {metric.id for metric in task.metrics}
    for name, protocol in task.protocols.items():
        if protocol.name != name or not set(protocol.metrics) <= known:
            return Verdict("protocols", "fail", f"'{name}' names metrics that the task has not, or itself otherwise")
    bare = [name for name, protocol in task.protocols.items() if not protocol.sources]
    if bare or "quick" not in task.protocols:
        what = f"no sources for {', '.join(bare)}" if bare else "none is called quick"
        return Verdict("protocols", "note", what, "say where each number comes from; quick is for a laptop")
    return Verdict("protocols", "ok", ", ".join(task.protocols))


def size(task: Task) -> Verdict:
    """The problem is as large as the estimate of time takes it to be."""
    problem, told = _problem(task), task.size(task.signals()[0], _protocol(task))
    found = (problem.in_features, problem.out_features, problem.n_points, problem.evaluations)
    said = (told.in_features, told.out_features, told.n_points, told.evaluations)
    if found != said:
        return Verdict("size", "fail", f"size() says {said}, the problem is {found}", "features in, out, points, evaluations")
    return Verdict("size", "ok", f"{told.in_features} -> {told.out_features}, {told.n_points:,} points")


def judgement(task: Task) -> Verdict:
    """What ranks is what is measured first, and every metric is a number or says why not."""
    problem = _problem(task)

    def predict(x: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(x), problem.out_features)

    measured, wanted = problem.evaluation.measure(predict), _protocol(task).metrics
    if [m.metric.id for m in measured] != list(wanted):
        return Verdict("judgement", "fail", "measure() does not give the protocol's metrics in their order")
    ranked = problem.evaluation.primary(predict)
    if measured[0].value not in (None, ranked) and not math.isnan(ranked):
        return Verdict("judgement", "fail", "primary() is not the first of what measure() gives")
    if any(m.value is None and not m.note for m in measured):
        return Verdict("judgement", "fail", "a metric is missing without a reason", "Measurement(..., value=None, note='why')")
    first = measured[0]
    if first.value is None or not math.isfinite(first.value):
        return Verdict(
            "judgement", "note", f"nothing at all scores {first.value} in {first.metric.id}: {first.note or 'no number'}"
        )
    return Verdict("judgement", "ok", f"nothing at all scores {first.value:.4g} in {first.metric.id}")


def repeatability(task: Task) -> Verdict:
    """One seed gives one set of points."""
    batches = [next(_problem(task).batches(torch.Generator().manual_seed(1))) for _ in range(2)]
    if not all(torch.equal(a, b) for a, b in zip(*batches, strict=True)):
        return Verdict(
            "repeatability", "fail", "the same seed gave other points", "draw from data_seed and from the generator alone"
        )
    return Verdict("repeatability", "ok", "the same seed gives the same points")


def loss(task: Task) -> Verdict:
    """A loss that a network can learn from."""
    problem = _problem(task)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(problem.in_features, 16), nn.Tanh(), nn.Linear(16, problem.out_features))
    batch = problem.example(512)
    problem.loss(network, batch, torch.tensor(1 / len(batch[0]))).backward()
    slopes = [p.grad for p in network.parameters()]
    if any(g is None or not g.isfinite().all() for g in slopes) or not any(g is not None and g.any() for g in slopes):
        return Verdict("loss", "fail", "it gives no finite gradient")
    return Verdict("loss", "ok", "it gives a gradient to learn from")


def _protocol(task: Task) -> Protocol:
    return task.protocols.get("quick") or next(iter(task.protocols.values()))


def _problem(task: Task) -> Problem:
    return task.problem(task.signals()[0], _protocol(task), 1)
