"""Checks that a network follows the interface of the harness and has no side effects."""

import re
import tempfile
from pathlib import Path

import torch

from inrbench.nn import activations_of, load_weights, save_weights
from inrbench.plugin_checks.base import CheckResult, MethodUnderTest, switches

SHAPES = ((1, 1), (2, 3), (3, 1))


def documentation(subject: MethodUnderTest) -> CheckResult:
    """The method has a formula, a docstring with the formula, and types for its parameters."""
    method = subject.method
    untyped = [name for name in method.defaults() if name not in method.builder.__annotations__]
    if untyped:
        return CheckResult("documentation", "fail", f"no type for {', '.join(untyped)}", f"write ({untyped[0]}: float = ...)")
    if not method.formula:
        return CheckResult("documentation", "warn", "no formula", "@register_method(..., formula='sin(omega z)')")
    if not re.search(r"\by(_i)? = ", method.doc):
        return CheckResult(
            "documentation", "warn", "the file's docstring has no line 'y = ...'", "state what is computed, and cite its source"
        )
    return CheckResult(
        "documentation", "ok", f"{method.formula}; " + (f"paper {method.paper}" if method.paper else "no paper named")
    )


def shape(subject: MethodUnderTest) -> CheckResult:
    """Outputs are finite and have the right shape and dtype, for functions, images and 3-D shapes."""
    for d, c in SHAPES:
        y = subject.network(d, c)(subject.coordinates(17, d))
        if y.shape != (17, c):
            return CheckResult(
                "shape",
                "fail",
                f"input (17, {d}) gave output {tuple(y.shape)}, not (17, {c})",
                "end with a layer of net.out_features outputs",
            )
        if y.dtype != torch.float32:
            return CheckResult("shape", "fail", f"output is {y.dtype}, not float32", "create tensors with the input's dtype")
        if not y.isfinite().all():
            return CheckResult("shape", "fail", "outputs are not finite before training", "check the initialisation")
    wide = subject.network().double()(subject.coordinates(5).double())
    if wide.dtype != torch.float64:
        return CheckResult(
            "shape", "warn", f"for float64 inputs it returns {wide.dtype}", "register constants as buffers, so .double() works"
        )
    return CheckResult("shape", "ok", "(N, 1 to 3) -> (N, 1 or 3), finite; float64 if requested")


def device(subject: MethodUnderTest) -> CheckResult:
    """All tensors move with ``.to(device)``."""
    try:
        y = subject.network().to("meta")(subject.coordinates(5).to("meta"))
    except NotImplementedError as error:
        return CheckResult("device", "warn", f"cannot be checked without a GPU: {str(error).partition(chr(10))[0]}")
    except RuntimeError as error:
        what = str(error).partition("\n")[0]
        if "device" not in what or "item()" in what:
            return CheckResult("device", "warn", f"cannot be checked without a GPU: {what}")
        return CheckResult("device", "fail", f"it makes tensors on the CPU: {what}", "use register_buffer, or device=z.device")
    return CheckResult(
        "device", "ok" if y.device.type == "meta" else "fail", f"inputs on the device meta give outputs on {y.device.type}"
    )


def determinism(subject: MethodUnderTest) -> CheckResult:
    """The same seed gives the same network, and evaluating it draws no random numbers."""
    x = subject.coordinates(9)
    network = subject.network(seed=5)
    with torch.no_grad():
        y, again, twin, other = network(x), network(x), subject.network(seed=5)(x), subject.network(seed=6)(x)
    if not torch.equal(y, again):
        return CheckResult("determinism", "fail", "two evaluations differ", "draw random numbers when building, not in forward")
    if not torch.equal(y, twin):
        return CheckResult(
            "determinism", "fail", "one seed gave two different networks", "draw from torch, which is seeded before building"
        )
    if torch.equal(y, other):
        return CheckResult("determinism", "warn", "a different seed gives the same network: seeds will not show its spread")
    return CheckResult("determinism", "ok", "the same seed gives the same network, a different seed a different one")


def side_effects(subject: MethodUnderTest) -> CheckResult:
    """Building and evaluating the network changes no process-wide setting."""
    network = subject.network()
    drawn = torch.get_rng_state()
    network(subject.coordinates(9)).sum().backward()
    changed = [name for name, value in switches().items() if value != subject.before[name]]
    if changed:
        return CheckResult(
            "side effects", "fail", f"it changes {', '.join(changed)}", "pass dtype and device where they are needed"
        )
    if not torch.equal(torch.get_rng_state(), drawn):
        return CheckResult("side effects", "warn", "evaluating draws random numbers: steps depend on what ran before")
    return CheckResult("side effects", "ok", "dtype, device, threads, gradients, directory and environment are unchanged")


def independence(subject: MethodUnderTest) -> CheckResult:
    """A point's value does not depend on the other points of the batch."""
    network, x = subject.network(), subject.coordinates(64)
    with torch.no_grad():
        difference = (network(x) - torch.cat([network(part) for part in x.split(5)])).abs().max().item()
    if difference > 1e-4:
        advice = "no normalisation over the points; apply frequencies to the channels, the last dimension"
        return CheckResult("independence", "fail", f"evaluated in parts, values differ by {difference:.1e}", advice)
    return CheckResult("independence", "ok", f"values do not depend on the other points (to {difference:.0e})")


def gradients(subject: MethodUnderTest) -> CheckResult:
    """Every trainable parameter gets a finite gradient."""
    network = subject.network()
    network(subject.coordinates()).square().sum().backward()
    trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
    lost = [name for name, p in trained.items() if p.grad is None]
    nonfinite = [name for name, p in trained.items() if p.grad is not None and not p.grad.isfinite().all()]
    if lost:
        return CheckResult("gradients", "fail", f"none reaches {', '.join(lost[:3])}", "use it in forward, or make it a buffer")
    if nonfinite:
        return CheckResult(
            "gradients", "fail", f"not finite in {', '.join(nonfinite[:3])}", "is there a root or a division at 0?"
        )
    return CheckResult("gradients", "ok", f"finite gradients reach all {len(trained)} parameter tensors")


def zero(subject: MethodUnderTest) -> CheckResult:
    """Each activation has a finite value and slope at 0, where roots and divisions often fail."""
    network = subject.network()
    activations = activations_of(network)
    if not activations:
        network(torch.zeros(2, 2)).square().sum().backward()
        nonfinite = [name for name, p in network.named_parameters() if p.grad is not None and not p.grad.isfinite().all()]
        if nonfinite:
            return CheckResult("at zero", "fail", f"the gradient at the point 0 is not finite, in {nonfinite[0]}", AT_ZERO)
        return CheckResult("at zero", "ok", "the gradient at the point 0 is finite")
    for number, activation in enumerate(activations):
        z = torch.zeros(4, 24, requires_grad=True)
        y = activation(z)
        (gradient,) = torch.autograd.grad(y.sum(), z)
        for what, numbers in (("value", y), ("slope", gradient)):
            bad = numbers[~numbers.isfinite()]
            if len(bad):
                message = f"the {what} of activation {number} at z = 0 is {bad[0]:g}"
                return CheckResult("at zero", "fail", message, AT_ZERO)
    return CheckResult("at zero", "ok", "activations have finite values and slopes at z = 0")


AT_ZERO = "one such point makes every weight NaN: write sqrt(z.abs().clamp_min(1e-12)), or use a series near 0"


def weights(subject: MethodUnderTest) -> CheckResult:
    """Saved weights restore the whole network."""
    network, other, x = subject.network(seed=1), subject.network(seed=2), subject.coordinates(9)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = Path(folder) / "weights.safetensors"
        save_weights(network, path)
        load_weights(other, path)
        same = torch.equal(network(x), other(x))
    if not same:
        return CheckResult(
            "weights",
            "fail",
            "loaded into a network with a different seed, they give other values",
            "store random constants with register_buffer",
        )
    return CheckResult("weights", "ok", "after saving and loading, they give the same values")
