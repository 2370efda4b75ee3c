"""Checks of the numerics: derivatives, chunks of a batch, precision of the fast engine, compilation."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from inrbench.derivatives import DerivativeSpec, backward_jet
from inrbench.errors import NotApplicable
from inrbench.fit import FastStep, count_ops, fp32_backend, gradient_in_chunks
from inrbench.plugin_checks.base import CheckResult, MethodUnderTest
from inrbench.problems import benchmark_equation

STEPS = tuple(10.0**-k for k in range(3, 10))
"""Step sizes of the finite differences. The best one for a frequency of 10 is far too large for a frequency of 10^5."""
AGREE, DISAGREE = 1e-3, 1e-2
MAX_CALLS = 1500
"""Operations per step above which compilation takes minutes."""
WORSE = 5
"""Largest error of the fast engine's gradient, as a multiple of the error of a plain float32 step."""


def derivative(subject: MethodUnderTest) -> CheckResult:
    """Autograd agrees with finite differences in float64, along the coordinates and along the weights."""
    network, x = subject.network(width=12).double(), subject.coordinates(32).double()
    parameters = [p for p in network.parameters() if p.requires_grad and not p.is_complex()]
    draw = torch.Generator().manual_seed(2)
    ways = [torch.randn(v.shape, generator=draw, dtype=torch.float64) for v in (x, *parameters)]
    message = []
    for what, values, directions in (("coordinates", [x], ways[:1]), ("weights", parameters, ways[1:])):
        slope, differences = _slopes(network, x, values, directions)
        scale = max(abs(slope), 1e-12)
        error = min(abs(difference - slope) for difference in differences) / scale
        settled = any(abs(a - b) < DISAGREE * max(abs(a), abs(b)) for a, b in pairwise(differences))
        if error > DISAGREE and settled:
            seen = (
                f"along the {what} autograd gives {slope:.4g}, "
                f"finite differences {min(differences, key=lambda d: abs(d - slope)):.4g}"
            )
            return CheckResult("derivative", "fail", seen, "a value is computed under no_grad, detached, or changed in place")
        message.append(f"{what} {error:.0e}" if error < AGREE else f"{what} too rough for finite differences")
    return CheckResult("derivative", "ok", f"autograd agrees with finite differences in float64 ({', '.join(message)})")


def _slopes(network: nn.Module, x: Tensor, values: Sequence[Tensor], directions: list[Tensor]) -> tuple[float, list[float]]:
    """Return the slope of the summed outputs along directions: by autograd, and by central differences for each of STEPS."""
    leaf = x if values and values[0] is x else None
    if leaf is not None:
        leaf.requires_grad_(True)
    found = torch.autograd.grad(network(x).sum(), values, allow_unused=True)
    slope = sum(float((g * v).sum()) for g, v in zip(found, directions, strict=True) if g is not None)
    if leaf is not None:
        leaf.requires_grad_(False)

    @torch.no_grad()
    def moved(h: float) -> float:
        for value, way in zip(values, directions, strict=True):
            value.add_(way, alpha=h)
        total = float(network(x).sum())
        for value, way in zip(values, directions, strict=True):
            value.sub_(way, alpha=h)
        return total

    return slope, [(moved(h) - moved(-h)) / (2 * h) for h in STEPS]


def curvature(subject: MethodUnderTest) -> CheckResult:
    """The second derivative along each axis is finite and correct, as equations need."""
    network = subject.network(2, 1)
    try:
        benchmark_equation("poisson", 64).validate_network(network)
    except NotApplicable as error:
        return CheckResult("second derivative", "warn", f"not for equations: {error}")
    jet = backward_jet(network, subject.coordinates(64), DerivativeSpec((1.0, 1.0), second=((0,), (1,))))
    second_derivative = torch.cat(jet.second, dim=1)
    if not second_derivative.isfinite().all():
        advice = "is there a division at 0, or |z|? handle that point explicitly"
        return CheckResult("second derivative", "warn", "not finite everywhere: not for equations", advice)
    return CheckResult(
        "second derivative",
        "ok",
        f"finite and correct along each axis (rms {second_derivative.square().mean().sqrt():.1e}): usable for equations",
    )


def chunks(subject: MethodUnderTest) -> CheckResult:
    """A batch computed in chunks gives the same gradient. The fast engine relies on this."""
    whole, parts = (gradient_in_chunks(subject.network(), subject.problem(), most) for most in (256, 33))
    difference = ((parts - whole).norm() / whole.norm().clamp(min=1e-30)).item()
    if difference > 1e-3:
        return CheckResult("chunks", "fail", f"in chunks the gradient differs by {difference:.1e}", "see check independence")
    return CheckResult("chunks", "ok", f"in chunks the gradient is the same (to {difference:.0e})")


def precision(subject: MethodUnderTest) -> CheckResult:
    """The fast engine's gradient is about as close to float64 as that of a plain float32 step."""
    problem = subject.problem()
    exact_problem = subject.problem()
    exact_problem.coordinates, exact_problem.values = problem.coordinates.double(), problem.values.double()
    exact = gradient_in_chunks(subject.network().double(), exact_problem, 256)
    plain = gradient_in_chunks(subject.network(), problem, 256)
    fast = gradient_in_chunks(subject.network(), problem, 256, fp32_backend(torch.device("cpu"), fast=True))
    fast_error, plain_error = ((each - exact).norm() / exact.norm().clamp(min=1e-30) for each in (fast, plain))
    message = f"relative error of the gradient: plain float32 {plain_error:.0e}, fast engine {fast_error:.0e}"
    if fast_error > WORSE * plain_error + 1e-6:
        return CheckResult("precision", "fail", message, "run it with --engine reference, and report this")
    if plain_error > DISAGREE:
        return CheckResult(
            "precision", "warn", message, "a sine of large arguments loses digits: results will depend on the machine"
        )
    return CheckResult("precision", "ok", message)


def compiling(subject: MethodUnderTest) -> CheckResult:
    """The training step can be compiled. This is optional: a step that cannot runs eagerly."""
    calls = count_ops(subject.network(), subject.problem()).calls
    if calls > MAX_CALLS:
        what = f"not tried: a step has {calls:,} operations, and compiling it takes minutes"
        return CheckResult(
            "compiling", "warn", what, "a run compiles it only if that pays off; fewer, larger operations are faster"
        )
    step = FastStep(subject.network(), subject.problem(), "compiled")
    step.prepare()
    facts = step.facts()
    if not facts.compiled:
        return CheckResult("compiling", "warn", facts.note or "not compiled", "it still runs, only slower")
    return CheckResult("compiling", "ok", f"the step compiles into {facts.graphs} graph(s)")
