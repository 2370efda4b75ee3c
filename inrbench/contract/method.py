"""Everything that is checked of a method."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import nn

from inrbench.contract.bench import Bench, Tell, Verdict, quiet, verdicts
from inrbench.contract.health import dead_units, parameters, variance
from inrbench.contract.manners import (
    determinism,
    device,
    documentation,
    gradients,
    independence,
    shape,
    side_effects,
    weights,
    zero,
)
from inrbench.contract.numbers import chunks, compiling, curvature, derivative, precision
from inrbench.errors import where
from inrbench.nn import LinearModel, Solver
from inrbench.registry import Method
from inrbench.spec import Value

Check = Callable[[Bench], Verdict]
CHECKS: tuple[Check, ...] = (
    side_effects, documentation, shape, device, determinism, independence, gradients, zero, weights, derivative,
    curvature, chunks, precision, parameters, variance, dead_units,
)  # fmt: skip


def check_method(
    method: Method, params: Mapping[str, Value] = MappingProxyType({}), compiled: bool = True, tell: Tell = quiet
) -> list[Verdict]:
    """Return a verdict for each check of a method with some parameters.

    ``compiled``: whether to try a compiler too. ``tell`` gets each verdict as soon as it is there.

    Of a method that fits itself only its documentation can be checked: it has nothing to evaluate before it has begun.
    """
    nn.Linear(2, 1)(Bench.coordinates()).sum().backward()  # loads what torch loads late, which is no doing of the method's
    bench = Bench(method, params)
    try:
        network = bench.network()
    except Exception as error:
        what = f"raised {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}{where(error)}"
        advice = "the builder gets net.in_features, out_features, width, n_layers and domain"
        return told([Verdict("building", "fail", what, advice)], tell)
    if isinstance(network, Solver):
        rest = Verdict("the rest", "note", "the method fits itself: a run will tell")
        return [*verdicts(bench, (documentation,), tell), *told([rest], tell)]
    if isinstance(network, LinearModel):
        rest = Verdict("the rest", "note", "the model is solved by least squares and not trained: a run will tell")
        return [*verdicts(bench, (documentation, shape, device, weights, parameters), tell), *told([rest], tell)]
    (first,) = verdicts(bench, (shape,))
    if first.state == "fail":  # all that follows would say the same
        return told([first, Verdict("the rest", "note", "is checked when this holds")], tell)
    return verdicts(bench, (*CHECKS, compiling) if compiled else CHECKS, tell)


def told(found: list[Verdict], tell: Tell) -> list[Verdict]:
    """Tell verdicts, and return them."""
    for verdict in found:
        tell(verdict)
    return found
