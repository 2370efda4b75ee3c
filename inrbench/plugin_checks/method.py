"""All checks of a method."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import nn

from inrbench.errors import plugin_location
from inrbench.nn import LinearModel, is_solver
from inrbench.plugin_checks.base import CheckResult, MethodUnderTest, OnResult, ignore_result, run_checks
from inrbench.plugin_checks.initialisation import dead_units, parameters, variance
from inrbench.plugin_checks.interface import (
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
from inrbench.plugin_checks.numerics import chunks, compiling, curvature, derivative, precision
from inrbench.plugin_checks.training import training
from inrbench.registry import Method
from inrbench.spec import Value

Check = Callable[[MethodUnderTest], CheckResult]
CHECKS: tuple[Check, ...] = (
    side_effects,
    documentation,
    shape,
    device,
    determinism,
    independence,
    gradients,
    zero,
    weights,
    derivative,
    curvature,
    chunks,
    precision,
    training,
    parameters,
    variance,
    dead_units,
)


def check_method(
    method: Method,
    params: Mapping[str, Value] = MappingProxyType({}),
    compiled: bool = True,
    on_result: OnResult = ignore_result,
) -> list[CheckResult]:
    """Check a method with some parameters, and return one result per check.

    For a method that fits itself only the documentation is checked: there is nothing to evaluate before the fit.

    Args:
        method: The method.
        params: Values of its parameters; parameters that are not given keep their defaults.
        compiled: Whether to also try to compile the training step.
        on_result: Called with each result as soon as it is known.
    """
    nn.Linear(2, 1)(
        MethodUnderTest.coordinates()
    ).sum().backward()  # loads the modules that torch loads lazily, so that the method is not blamed
    bench = MethodUnderTest(method, params)
    try:
        network = bench.network()
    except Exception as error:
        what = f"raised {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}{plugin_location(error)}"
        advice = "the builder gets net.in_features, out_features, width, n_layers and domain"
        return report_all([CheckResult("building", "fail", what, advice)], on_result)
    if is_solver(network):
        rest = CheckResult("the rest", "warn", "not checked, since the method fits itself; test it with a run")
        return [*run_checks(bench, (documentation,), on_result), *report_all([rest], on_result)]
    if isinstance(network, LinearModel):
        rest = CheckResult("the rest", "warn", "not checked, since the model is solved by least squares; test it with a run")
        return [
            *run_checks(bench, (documentation, shape, device, weights, parameters), on_result),
            *report_all([rest], on_result),
        ]
    (first,) = run_checks(bench, (shape,))
    if first.state == "fail":  # all later checks would fail for the same reason
        return report_all([first, CheckResult("the rest", "warn", "not checked until the shape is right")], on_result)
    return run_checks(bench, (*CHECKS, compiling) if compiled else CHECKS, on_result)


def report_all(found: list[CheckResult], on_result: OnResult) -> list[CheckResult]:
    """Pass each result to the callback, and return all results."""
    for result in found:
        on_result(result)
    return found
