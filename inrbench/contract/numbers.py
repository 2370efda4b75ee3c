"""Whether what is computed is right: derivatives, parts of a batch, the fast engine, the compiler."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from inrbench.contract.bench import Bench, Verdict
from inrbench.derive import Wanted, backward_jet
from inrbench.errors import NotApplicable
from inrbench.fit import FastStep, fastest_fp32_route, gradient_in_chunks, work_per_point
from inrbench.problems import measured_equation

STEPS = tuple(10.0**-k for k in range(3, 10))
"""Of differences: the best one for a network of frequency 10 is far too large for one of frequency 10^5."""
AGREE, DISAGREE = 1e-3, 1e-2
MOST_CALLS = 1500
"""Operations of a step from which on compiling it takes minutes."""
WORSE = 5
"""Times the error of the plain float32 step that another way of computing it may have."""


def derivative(bench: Bench) -> Verdict:
    """Autograd's slopes in float64, along the coordinates and along the weights, against differences."""
    network, x = bench.network(width=12).double(), bench.coordinates(32).double()
    parameters = [p for p in network.parameters() if p.requires_grad and not p.is_complex()]
    draw = torch.Generator().manual_seed(2)
    ways = [torch.randn(v.shape, generator=draw, dtype=torch.float64) for v in (x, *parameters)]
    told = []
    for what, values, directions in (("coordinates", [x], ways[:1]), ("weights", parameters, ways[1:])):
        slope, differences = _slopes(network, x, values, directions)
        scale = max(abs(slope), 1e-12)
        error = min(abs(difference - slope) for difference in differences) / scale
        settled = any(abs(a - b) < DISAGREE * max(abs(a), abs(b)) for a, b in pairwise(differences))
        if error > DISAGREE and settled:
            seen = (
                f"along the {what} autograd says {slope:.4g}, differences {min(differences, key=lambda d: abs(d - slope)):.4g}"
            )
            return Verdict("derivative", "fail", seen, "something is computed under no_grad, detached, or changed in place")
        told.append(f"{what} {error:.0e}" if error < AGREE else f"{what} too rough for differences")
    return Verdict("derivative", "ok", f"autograd agrees with differences in float64 ({', '.join(told)})")


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


def curvature(bench: Bench) -> Verdict:
    """The second derivative along each axis, which equations need."""
    network = bench.network(2, 1)
    try:
        measured_equation("poisson", 64).admit(network)
    except NotApplicable as error:
        return Verdict("second derivative", "note", f"not for equations: {error}")
    jet = backward_jet(network, bench.coordinates(64), Wanted((1.0, 1.0), second=((0,), (1,))))
    bend = torch.cat(jet.second, dim=1)
    if not bend.isfinite().all():
        advice = "a quotient at 0, or |z|? write what happens there out"
        return Verdict("second derivative", "note", "not finite everywhere: not for equations", advice)
    return Verdict(
        "second derivative",
        "ok",
        f"finite and the true one along each axis (rms {bend.square().mean().sqrt():.1e}): equations can be tried",
    )


def chunks(bench: Bench) -> Verdict:
    """A batch computed in parts gives the same gradient, which the fast engine relies on."""
    whole, parts = (gradient_in_chunks(bench.network(), bench.problem(), most) for most in (256, 33))
    difference = ((parts - whole).norm() / whole.norm().clamp(min=1e-30)).item()
    if difference > 1e-3:
        return Verdict("chunks", "fail", f"in parts the gradient differs by {difference:.1e}", "see independence")
    return Verdict("chunks", "ok", f"in parts the gradient is the same (to {difference:.0e})")


def precision(bench: Bench) -> Verdict:
    """The error of the fast engine's gradient against float64 is that of a plain float32 step."""
    problem = bench.problem()
    exact_problem = bench.problem()
    exact_problem.coordinates, exact_problem.values = problem.coordinates.double(), problem.values.double()
    exact = gradient_in_chunks(bench.network().double(), exact_problem, 256)
    plain = gradient_in_chunks(bench.network(), problem, 256)
    fast = gradient_in_chunks(bench.network(), problem, 256, fastest_fp32_route("cpu"))
    ours, usual = ((each - exact).norm() / exact.norm().clamp(min=1e-30) for each in (fast, plain))
    told = f"float32 costs {usual:.0e} of the gradient, the fast engine {ours:.0e}"
    if ours > WORSE * usual + 1e-6:
        return Verdict("precision", "fail", told, "run it with --engine reference, and tell us")
    if usual > DISAGREE:
        return Verdict("precision", "note", told, "large arguments of a sine lose digits: results will depend on the machine")
    return Verdict("precision", "ok", told)


def compiling(bench: Bench) -> Verdict:
    """Whether the step can be compiled. It need not: else it runs as it is."""
    calls = work_per_point(bench.network(), bench.problem()).calls
    if calls > MOST_CALLS:
        what = f"not tried: a step has {calls:,} operations, and compiling them takes minutes"
        return Verdict("compiling", "note", what, "a run compiles it only where that pays; fewer, larger operations are faster")
    step = FastStep(bench.network(), bench.problem(), "compiled")
    step.prepare()
    facts = step.facts()
    if not facts.compiled:
        return Verdict("compiling", "note", facts.note or "not compiled", "it runs all the same, only slower")
    return Verdict("compiling", "ok", f"the step compiles, in {facts.graphs} graph(s)")
