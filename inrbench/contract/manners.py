"""Whether a network does what the harness expects of one, and nothing else."""

import re
import tempfile
from pathlib import Path

import torch

from inrbench.contract.bench import Bench, Verdict, switches
from inrbench.nn import load_weights, save_weights

SHAPES = ((1, 1), (2, 3), (3, 1))


def documentation(bench: Bench) -> Verdict:
    """A formula, a docstring that has one too, and types."""
    method = bench.method
    untyped = [name for name in method.defaults() if name not in method.builder.__annotations__]
    if untyped:
        return Verdict("documentation", "fail", f"no type for {', '.join(untyped)}", f"write ({untyped[0]}: float = ...)")
    if not method.formula:
        return Verdict("documentation", "note", "no formula", "@register_method(..., formula='sin(omega z)')")
    if not re.search(r"\by(_i)? = ", method.doc):
        return Verdict(
            "documentation", "note", "the file's docstring has no line 'y = ...'", "say what is computed, and its source"
        )
    return Verdict(
        "documentation", "ok", f"{method.formula}; " + (f"paper {method.paper}" if method.paper else "no paper named")
    )


def shape(bench: Bench) -> Verdict:
    """Numbers of the right shape and kind, for functions, images and solids."""
    for d, c in SHAPES:
        y = bench.network(d, c)(bench.coordinates(17, d))
        if y.shape != (17, c):
            return Verdict(
                "shape", "fail", f"(17, {d}) gave {tuple(y.shape)} and not (17, {c})", "end with a layer of net.out_features"
            )
        if y.dtype != torch.float32:
            return Verdict("shape", "fail", f"{y.dtype} and not float32", "make tensors with the dtype of the input")
        if not y.isfinite().all():
            return Verdict("shape", "fail", "values that are not finite, before any training", "look at the initialisation")
    wide = bench.network().double()(bench.coordinates(5).double())
    if wide.dtype != torch.float64:
        return Verdict(
            "shape", "note", f"in float64 it gives {wide.dtype}", "register constants as buffers, then .double() moves them"
        )
    return Verdict("shape", "ok", "(N, 1 to 3) -> (N, 1 or 3), finite; float64 where asked for")


def device(bench: Bench) -> Verdict:
    """Everything moves with .to(device)."""
    try:
        y = bench.network().to("meta")(bench.coordinates(5).to("meta"))
    except NotImplementedError as error:
        return Verdict("device", "note", f"cannot be told without a GPU: {str(error).partition(chr(10))[0]}")
    except RuntimeError as error:
        what = str(error).partition("\n")[0]
        if "device" not in what or "item()" in what:
            return Verdict("device", "note", f"cannot be told without a GPU: {what}")
        return Verdict("device", "fail", f"it makes tensors on the CPU: {what}", "use register_buffer, or device=z.device")
    return Verdict("device", "ok" if y.device.type == "meta" else "fail", f"inputs on a device give outputs on {y.device.type}")


def determinism(bench: Bench) -> Verdict:
    """The same seed gives the same network, and nothing is drawn when it is evaluated."""
    x = bench.coordinates(9)
    network = bench.network(seed=5)
    with torch.no_grad():
        y, again, twin, other = network(x), network(x), bench.network(seed=5)(x), bench.network(seed=6)(x)
    if not torch.equal(y, again):
        return Verdict("determinism", "fail", "two evaluations differ", "draw random numbers when building, not in forward")
    if not torch.equal(y, twin):
        return Verdict("determinism", "fail", "one seed gave two networks", "draw by torch, whose seed is set before building")
    if torch.equal(y, other):
        return Verdict("determinism", "note", "another seed gives the same network: seeds will say nothing of its spread")
    return Verdict("determinism", "ok", "a seed gives one network, another seed another")


def side_effects(bench: Bench) -> Verdict:
    """What is set for the whole process stays as it was."""
    network = bench.network()
    drawn = torch.get_rng_state()
    network(bench.coordinates(9)).sum().backward()
    changed = [name for name, value in switches().items() if value != bench.before[name]]
    if changed:
        return Verdict("side effects", "fail", f"it changes {', '.join(changed)}", "pass dtype and device to what needs them")
    if not torch.equal(torch.get_rng_state(), drawn):
        return Verdict("side effects", "note", "evaluating draws random numbers: its steps depend on what ran before")
    return Verdict("side effects", "ok", "dtype, device, threads, gradients, folder and environment stay as they were")


def independence(bench: Bench) -> Verdict:
    """A point's value does not depend on which others come with it."""
    network, x = bench.network(), bench.coordinates(64)
    with torch.no_grad():
        difference = (network(x) - torch.cat([network(part) for part in x.split(5)])).abs().max().item()
    if difference > 1e-4:
        advice = "no normalisation over the points; frequencies belong to channels, the last dimension"
        return Verdict("independence", "fail", f"cut into parts, values differ by {difference:.1e}", advice)
    return Verdict("independence", "ok", f"values do not depend on the other points (to {difference:.0e})")


def gradients(bench: Bench) -> Verdict:
    """Every parameter is trained."""
    network = bench.network()
    network(bench.coordinates()).square().sum().backward()
    trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
    lost = [name for name, p in trained.items() if p.grad is None]
    wild = [name for name, p in trained.items() if p.grad is not None and not p.grad.isfinite().all()]
    if lost:
        return Verdict("gradients", "fail", f"none reaches {', '.join(lost[:3])}", "use it in forward, or make it a buffer")
    if wild:
        return Verdict("gradients", "fail", f"not finite in {', '.join(wild[:3])}", "a root or a quotient at 0?")
    return Verdict("gradients", "ok", f"finite ones reach all {len(trained)} parameter tensors")


def zero(bench: Bench) -> Verdict:
    """Value and slope of each activation at 0, where roots and quotients break."""
    network = bench.network()
    activations = list(getattr(network, "activations", ()))
    if not activations:
        network(torch.zeros(2, 2)).square().sum().backward()
        wild = [name for name, p in network.named_parameters() if p.grad is not None and not p.grad.isfinite().all()]
        if wild:
            return Verdict("at zero", "fail", f"the gradient at the point 0 is not finite, in {wild[0]}", AT_ZERO)
        return Verdict("at zero", "ok", "the gradient at the point 0 is finite")
    for number, activation in enumerate(activations):
        z = torch.zeros(4, 24, requires_grad=True)
        y = activation(z)
        (slope,) = torch.autograd.grad(y.sum(), z)
        if not y.isfinite().all() or not slope.isfinite().all():
            what = "value" if not y.isfinite().all() else "slope"
            return Verdict("at zero", "fail", f"the {what} of activation {number} at z = 0 is {slope.flatten()[0]:g}", AT_ZERO)
    return Verdict("at zero", "ok", "activations have finite values and slopes at z = 0")


AT_ZERO = "one such point makes every weight NaN: write sqrt(z.abs().clamp_min(1e-12)), or a series near 0"


def weights(bench: Bench) -> Verdict:
    """A network is stored whole."""
    network, other, x = bench.network(seed=1), bench.network(seed=2), bench.coordinates(9)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = Path(folder) / "weights.safetensors"
        save_weights(network, path)
        load_weights(other, path)
        same = torch.equal(network(x), other(x))
    if not same:
        return Verdict(
            "weights", "fail", "loaded into a network of another seed they give other values", "register_buffer what was drawn"
        )
    return Verdict("weights", "ok", "saved and loaded, they give the same values")
