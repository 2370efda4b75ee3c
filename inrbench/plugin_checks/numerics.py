"""Whether what is computed is right: derivatives, parts of a batch, the fast engine, the compiler."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from inrbench.derivatives import DerivativeSpec, backward_jet
from inrbench.errors import NotApplicable
from inrbench.fit import FastStep, count_ops, fastest_fp32_backend, gradient_in_chunks
from inrbench.plugin_checks.base import CheckResult, MethodUnderTest
from inrbench.problems import benchmark_equation

STEPS = tuple(10.0**-k for k in range(3, 10))
"""Of differences: the best one for a network of frequency 10 is far too large for one of frequency 10^5."""
AGREE, DISAGREE = 1e-3, 1e-2
MAX_CALLS = 1500
"""Operations of a step from which on compiling it takes minutes."""
WORSE = 5
"""Times the error of the plain float32 step that another way of computing it may have."""


def derivative(subject: MethodUnderTest) -> CheckResult:
    """Autograd's slopes in float64, along the coordinates and along the weights, against differences."""
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
                f"along the {what} autograd says {slope:.4g}, differences {min(differences, key=lambda d: abs(d - slope)):.4g}"
            )
            return CheckResult("derivative", "fail", seen, "something is computed under no_grad, detached, or changed in place")
        message.append(f"{what} {error:.0e}" if error < AGREE else f"{what} too rough for differences")
    return CheckResult("derivative", "ok", f"autograd agrees with differences in float64 ({', '.join(message)})")


def _slopes(network: nn.Module, x: Tensor, values: Sequence[Tensor], directions: list[Tensor]) -> tuple[float, list[float]]:
    """Return the slope of the summed outputs along directions by autograd, and by central differences of several steps."""
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
    """The second derivative along each axis, which equations need."""
    network = subject.network(2, 1)
    try:
        benchmark_equation("poisson", 64).validate_network(network)
    except NotApplicable as error:
        return CheckResult("second derivative", "warn", f"not for equations: {error}")
    jet = backward_jet(network, subject.coordinates(64), DerivativeSpec((1.0, 1.0), second=((0,), (1,))))
    second_derivative = torch.cat(jet.second, dim=1)
    if not second_derivative.isfinite().all():
        advice = "a quotient at 0, or |z|? write what happens there out"
        return CheckResult("second derivative", "warn", "not finite everywhere: not for equations", advice)
    return CheckResult(
        "second derivative",
        "ok",
        f"finite and the true one along each axis (rms {second_derivative.square().mean().sqrt():.1e}): equations can be tried",
    )


def chunks(subject: MethodUnderTest) -> CheckResult:
    """A batch computed in parts gives the same gradient, which the fast engine relies on."""
    whole, parts = (gradient_in_chunks(subject.network(), subject.problem(), most) for most in (256, 33))
    difference = ((parts - whole).norm() / whole.norm().clamp(min=1e-30)).item()
    if difference > 1e-3:
        return CheckResult("chunks", "fail", f"in parts the gradient differs by {difference:.1e}", "see independence")
    return CheckResult("chunks", "ok", f"in parts the gradient is the same (to {difference:.0e})")


def precision(subject: MethodUnderTest) -> CheckResult:
    """The error of the fast engine's gradient against float64 is that of a plain float32 step."""
    problem = subject.problem()
    exact_problem = subject.problem()
    exact_problem.coordinates, exact_problem.values = problem.coordinates.double(), problem.values.double()
    exact = gradient_in_chunks(subject.network().double(), exact_problem, 256)
    plain = gradient_in_chunks(subject.network(), problem, 256)
    fast = gradient_in_chunks(subject.network(), problem, 256, fastest_fp32_backend("cpu"))
    ours, usual = ((each - exact).norm() / exact.norm().clamp(min=1e-30) for each in (fast, plain))
    message = f"float32 costs {usual:.0e} of the gradient, the fast engine {ours:.0e}"
    if ours > WORSE * usual + 1e-6:
        return CheckResult("precision", "fail", message, "run it with --engine reference, and tell us")
    if usual > DISAGREE:
        return CheckResult(
            "precision", "warn", message, "large arguments of a sine lose digits: results will depend on the machine"
        )
    return CheckResult("precision", "ok", message)


def compiling(subject: MethodUnderTest) -> CheckResult:
    """Whether the step can be compiled. It need not: else it runs as it is."""
    calls = count_ops(subject.network(), subject.problem()).calls
    if calls > MAX_CALLS:
        what = f"not tried: a step has {calls:,} operations, and compiling them takes minutes"
        return CheckResult(
            "compiling", "warn", what, "a run compiles it only where that pays; fewer, larger operations are faster"
        )
    step = FastStep(subject.network(), subject.problem(), "compiled")
    step.prepare()
    facts = step.facts()
    if not facts.compiled:
        return CheckResult("compiling", "warn", facts.note or "not compiled", "it runs all the same, only slower")
    return CheckResult("compiling", "ok", f"the step compiles, in {facts.graphs} graph(s)")
