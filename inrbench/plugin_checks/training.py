"""The check of training, also of a method that brings its own."""

import torch

from inrbench.errors import InrbenchError, NotApplicable
from inrbench.fit import Engine, TrainingHooks, make_step
from inrbench.nn import HasOwnTraining
from inrbench.plugin_checks.base import CheckResult, MethodUnderTest
from inrbench.spec import Adam, Protocol

STEPS = 5
RATE = 1e-3
DISAGREE = 1e-3
"""Largest relative difference of the weights of both engines."""


def training(subject: MethodUnderTest) -> CheckResult:
    """Both engines train alike for a few steps, also with what the network brings to its training."""
    network, declared = subject.network(), subject.method.own_training
    if isinstance(network, HasOwnTraining) != declared:
        what = f"register_method says own_training={declared}, and the network says otherwise"
        return CheckResult("training", "fail", what, "make them agree")
    try:
        reference, fast = (_trained(subject, engine) for engine in ("reference", "fast"))
    except NotApplicable as error:
        return CheckResult("training", "warn", f"it does not work with Adam: {error}", "test it with a run")
    except InrbenchError as error:
        return CheckResult("training", "fail", str(error), "see docs/add-a-method.md")
    difference = ((fast - reference).norm() / reference.norm().clamp(min=1e-30)).item()
    if difference > DISAGREE:
        what = f"after {STEPS} steps the weights of both engines differ by {difference:.1e}"
        return CheckResult("training", "fail", what, "keep all state in buffers, and draw random numbers from points.generator")
    said = str(network.own_training(STEPS)) if isinstance(network, HasOwnTraining) else "as the protocol says"
    return CheckResult("training", "ok", f"{said}; both engines agree (to {difference:.0e})")


def _trained(subject: MethodUnderTest, engine: Engine) -> torch.Tensor:
    """Return the weights after a few steps."""
    network, problem = subject.network(), subject.problem()
    hooks = TrainingHooks(network, problem, STEPS, seed=0)
    protocol = Protocol(
        name="check",
        width=24,
        n_layers=4,
        epochs=STEPS,
        optimiser=Adam(),
        lr=RATE,
        lr_min=RATE,
        schedule="constant",
        metrics=("mse",),
    )
    take_step = make_step(engine, network, hooks.problem, protocol, STEPS, hooks.own)
    for step in range(STEPS):
        hooks.begin(step)
        (batch,) = problem.batches(torch.Generator().manual_seed(0))
        take_step(hooks.choose(batch, step), hooks.learning_rate(RATE, step))
    parameters = (torch.view_as_real(p) if p.is_complex() else p for p in network.parameters())
    return torch.cat([each.detach().double().ravel() for each in parameters])
