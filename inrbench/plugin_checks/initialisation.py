"""Checks of the untrained network: its size, and how much the outputs of its layers vary over the points."""

from torch import Tensor

from inrbench.fit import DEAD, activation_outputs
from inrbench.nn import network_size, parameters_of_mlp
from inrbench.plugin_checks.base import CheckResult, MethodUnderTest
from inrbench.spec import NetworkSpec

FADES = 0.05
"""Smallest accepted ratio of the last layer's deviation to the first's; its reciprocal is the largest accepted ratio."""
MANY_DEAD = 0.05
LARGER = 1.1
UNSEEN = "not a CoordinateMLP: its layers cannot be inspected"


def parameters(subject: MethodUnderTest) -> CheckResult:
    """The network has about as many parameters as a plain MLP of the same shape."""
    size = network_size(subject.network(width=64))
    plain = parameters_of_mlp(NetworkSpec(in_features=2, out_features=3, width=64, n_layers=4))
    message = (
        f"4x64: {size.trainable:,} trained, {size.stored:,} stored, {size.trainable / plain:.2f} times as many as a plain MLP"
    )
    if size.deployed != size.stored:
        message += f", {size.deployed:,} deployed"
    if size.trainable > LARGER * plain:
        return CheckResult(
            "parameters", "warn", message, "leaderboards compare equal widths, not equal sizes; see the column params"
        )
    return CheckResult("parameters", "ok", message)


def variance(subject: MethodUnderTest) -> CheckResult:
    """At initialisation, the deviation over the points neither vanishes nor explodes from the first layer to the last."""
    deviations = [float(each.mean()) for each in _deviations(subject)]
    if not deviations:
        return CheckResult("variance", "warn", UNSEEN)
    message = "standard deviation over the points by layer: " + ", ".join(f"{value:.2g}" for value in deviations)
    first, last = deviations[0], deviations[-1]
    if not FADES * first <= last <= first / FADES:
        return CheckResult("variance", "warn", message, "try init=siren_init(omega), or scale the activation")
    return CheckResult("variance", "ok", message)


def dead_units(subject: MethodUnderTest) -> CheckResult:
    """Few channels have the same value at every point."""
    shares = [float((each < DEAD).double().mean()) for each in _deviations(subject)]
    if not shares:
        return CheckResult("dead units", "warn", UNSEEN)
    message = "share by layer: " + ", ".join(f"{100 * share:.0f} %" for share in shares)
    if max(shares) > MANY_DEAD:
        return CheckResult(
            "dead units", "warn", message, "units are never active, or the window is too narrow for the pre-activations"
        )
    return CheckResult("dead units", "ok", message)


def _deviations(subject: MethodUnderTest) -> list[Tensor]:
    """Return the standard deviation of every channel over the points, one tensor per activation."""
    return [output.double().std(dim=0) for output in activation_outputs(subject.network(width=64), subject.coordinates())]
