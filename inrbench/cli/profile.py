"""``inrbench profile``."""

import re
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from inrbench.cli.options import plugin_option, results_option
from inrbench.console import say
from inrbench.errors import BadValue, InrbenchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.nn import Module

    from inrbench.problems import Problem
    from inrbench.profiling import StepTiming
    from inrbench.registry import Registry
    from inrbench.spec import NetworkSpec
    from inrbench.store import Environment

FEATURES = {"function": (1, 1), "image": (2, 3), "video": (3, 3), "shape": (3, 1), "pde": (2, 1)}
"""Kind of task -> number of input and output features."""


@click.command("profile")
@click.option("--methods", default="all", show_default=True, help="Methods, as in inrbench run.")
@click.option(
    "--kind",
    type=click.Choice(list(FEATURES)),
    default="image",
    show_default=True,
    help="Kind of task: sets the input and output features, and which settings of a method apply.",
)
@click.option(
    "--equation",
    type=click.Choice(["poisson", "advection"]),
    default="poisson",
    show_default=True,
    help="Equation for --kind pde: poisson is of second order, advection of first order.",
)
@click.option("--shape", default="4x400", show_default=True, help="Nonlinear layers x width.")
@click.option("--points", type=click.IntRange(min=1), default=16384, show_default=True, help="Points per step.")
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="Interleaved rounds, after a warm-up.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads, one per core.")
@click.option(
    "--mode",
    type=click.Choice(["auto", "eager", "compiled", "cuda_graph"]),
    default="auto",
    show_default=True,
    help="How the fast step is computed. auto: compiled on a CPU; on a GPU as runs of --steps steps choose.",
)
@click.option("--steps", type=click.IntRange(min=1), default=10_000, show_default=True, help="For --mode auto on a GPU.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:i.")
@click.option(
    "--official",
    "official_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Plugin file with methods official-NAME in the style of the authors' code; their eager step is measured too.",
)
@click.option("--format", "style", type=click.Choice(["plain", "markdown", "json"]), default="plain", show_default=True)
@plugin_option
@results_option
def command(
    methods: str,
    kind: str,
    equation: str,
    shape: str,
    points: int,
    rounds: int,
    threads: int,
    mode: "Literal['auto', 'eager', 'compiled', 'cuda_graph']",
    steps: int,
    device: str,
    official_file: Path | None,
    style: str,
    plugins: tuple[Path, ...],
    results: Path,
) -> None:
    """Measure the speed and memory of a method's training step.

    The step is measured with the reference engine, with the fast engine, and as its matrix products alone (the limit). All
    are interleaved in one process, so that the ratios are valid even if the speed of the machine drifts. The times of all
    rounds are stored in the results folder.

    \b
    inrbench profile --methods siren,./my_act.py
    inrbench profile --kind function --shape 4x256 --points 1024
    inrbench profile --kind pde --shape 4x100 --points 4096 --methods pinn,msa-pinn
    """
    import torch

    from inrbench.execute.cores import pinned
    from inrbench.planning import resolve_device
    from inrbench.planning.plan import select_methods
    from inrbench.profiling import append_profile, profiled_step_mode, time_steps
    from inrbench.profiling.table import speed_table
    from inrbench.registry import Registry
    from inrbench.spec import NetworkSpec
    from inrbench.store import code_state, environment

    n_layers, width = parse_shape(shape)
    what = f"{kind}/{equation}" if kind == "pde" else kind
    place = resolve_device(device)
    facts = environment(place, threads, 1, code_state())
    torch.set_num_threads(threads)
    in_features, out_features = FEATURES[kind]
    net = NetworkSpec(in_features=in_features, out_features=out_features, width=width, n_layers=n_layers)
    chosen, notes = select_methods(methods, plugins)
    for note in notes:
        say(f"note: {note}", err=True)
    published = Registry([official_file]) if official_file else None
    timings: dict[str, StepTiming] = {}
    for label, method, given in chosen:
        params = {**method.params_for("", kind, ""), **given}
        say(f"measuring {label} ...", err=True)
        build = partial(method, net, **params)
        official = _official(published, method.name, net)
        try:
            with pinned(threads) if place == "cpu" else nullcontext():  # torch's compiler needs further cores
                problem = _problem(kind, equation, points)
                problem.to(torch.device(place))
                chosen_mode = (
                    profiled_step_mode(problem, width, n_layers, torch.device(place), steps) if mode == "auto" else mode
                )
                timings[label] = time_steps(build, problem, torch.device(place), rounds, chosen_mode, official)
        except InrbenchError as error:
            say(f"note: left out: {error}", err=True)
            continue
        append_profile(results, timing_rows(label, timings[label], what, width, n_layers), facts)
    about = caption(facts, what, shape, points, rounds)
    say(speed_table(timings, about, facts, style, (what, f"{n_layers}x{width}")), block=True, end="")


def _problem(kind: str, equation: str, points: int) -> "Problem":
    """Return the problem to measure: a regression on random numbers, or an equation on a square for ``pde``."""
    from inrbench.problems import benchmark_equation
    from inrbench.profiling import random_regression

    return benchmark_equation(equation, points) if kind == "pde" else random_regression(points, *FEATURES[kind])


def _official(published: "Registry | None", name: str, net: "NetworkSpec") -> "Callable[[], Module] | None":
    """Return the builder of a method in the style of its authors' code, or None if there is none."""
    if published is None or f"official-{name}" not in published.methods:
        return None
    return partial(published.method(f"official-{name}"), net)


def parse_shape(text: str) -> tuple[int, int]:
    """Return (nonlinear layers, width) from a text such as ``4x400``. Raises BadValue for other text."""
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if not match:
        raise BadValue(f"--shape {text}: write layers x width, for example 4x400")
    return int(match.group(1)), int(match.group(2))


def timing_rows(label: str, timing: "StepTiming", kind: str, width: int, n_layers: int) -> list[dict[str, object]]:
    """Return one row to store per measured part and round.

    Args:
        label: The method with its parameters.
        timing: The timing of its step.
        kind: The kind of task, with the equation for ``pde``.
        width: Width of the nonlinear layers.
        n_layers: Number of nonlinear layers.
    """
    return [
        {
            "method": label,
            "kind": kind,
            "width": width,
            "n_layers": n_layers,
            "points": timing.points,
            "part": part,
            "round": number,
            "seconds": seconds,
            "peak_bytes": timing.peaks.get(part),
            "compiled": timing.facts.compiled,
            "engine_note": timing.facts.note,
            "matmul_backend": timing.facts.backend.name,
            "matmul_error": timing.facts.backend.error,
        }
        for part, values in timing.rounds.items()
        for number, seconds in enumerate(values)
    ]


def caption(facts: "Environment", kind: str, shape: str, points: int, rounds: int) -> str:
    """Return a caption that states what was measured, how, and on which machine.

    Args:
        facts: The machine and the versions.
        kind: The kind of task, with the equation for ``pde``.
        shape: Nonlinear layers x width, for example ``4x400``.
        points: Points per step.
        rounds: Number of interleaved rounds.
    """
    commit = f", commit {facts.code_commit[:12]}{' with changes' if facts.code_dirty else ''}" if facts.code_commit else ""
    return (
        f"{kind}, {shape}, {points:,} points per step, {rounds} interleaved rounds, medians of ratios within a round. "
        f"{facts.device_name}, {facts.threads} of {facts.cores} cores, torch {facts.torch}, inrbench {facts.inrbench}{commit}."
    )
