"""``inrbench run``."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import click

from inrbench.cli.options import complete_names, parse_seeds, plugin_option, results_option, words
from inrbench.errors import BadValue
from inrbench.spec import Track, split_outside_brackets


@click.command("run")
@click.option(
    "--methods",
    default="all",
    show_default=True,
    shell_complete=complete_names("methods"),
    help="Methods, comma-separated, with parameter grids: 'msa[s_max=3.0,4.0],siren'; a file './my_act.py'; or all.",
)
@click.option("--tasks", shell_complete=complete_names("tasks"), help="Tasks, comma-separated, or all.")
@click.option(
    "--suite", help="A named list of tasks and signals, run under the protocol of the same name: quick, standard, paper."
)
@click.option("--protocol", default=None, help="Protocol of --tasks.  [default: paper, which takes hours to days on a CPU]")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change protocol fields: epochs=100,lr=1e-4. This gives a different fingerprint.",
)
@click.option(
    "--signals",
    help="Signals, comma-separated, with wildcards * and ?; or your own files. Quote a name that has a comma: '\"./a,b.png\"'.",
)
@click.option(
    "--seeds", default="1", show_default=True, help="Number of seeds (3 means 0,1,2), or a list such as 0,7 (only seed 7: 7,)."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:i.")
@click.option("--jobs", type=click.IntRange(min=1), help="Runs at a time.  [default: one per CPU core, one on a GPU]")
@click.option("--share-gpu", type=click.IntRange(min=2), help="Runs at a time on one GPU; their times are not shown.")
@click.option(
    "--engine",
    type=click.Choice(["fast", "reference"]),
    default="fast",
    show_default=True,
    help="How a step is computed: optimised (fast), or in plain PyTorch (reference). The mathematics is the same.",
)
@click.option(
    "--track",
    metavar="[paper|authors|tuned|tuned-N]",
    help="Train all methods with one learning rate (paper), as their authors do (authors), or with the recipes of inrbench "
    "tune (tuned; tuned-N: those of budget N).  "
    "[default: tuned for tasks with recipes under the protocol standard; else paper]",
)
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), help="Stop a run that takes longer than this number of seconds."
)
@click.option(
    "--memory-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="GIB",
    help="Host memory limit of a run; a run that needs more ends as oom.",
)
@click.option("--retry-failed", is_flag=True, help="Also repeat runs that failed earlier.")
@click.option(
    "--probe",
    "probes",
    default="",
    metavar="NAMES",
    help="Probes to read during runs, comma-separated: gradients, activations, ntk, spectrum.",
)
@click.option(
    "--artifacts",
    type=click.Choice(["all", "last", "none"]),
    default="last",
    show_default=True,
    help="Store the last reconstruction and weights of each run (last), also those along its curve (all), or none.",
)
@click.option(
    "--executor",
    default="local",
    show_default=True,
    help="Executor of the runs: local, slurm, dask, or the name of a plugin's executor.",
)
@click.option(
    "--resource",
    "resources",
    multiple=True,
    metavar="NAME=VALUE",
    help="Resources to request from a cluster: partition, account, gpus, cpus, memory (16GB), time (minutes), setup, ...",
)
@click.option(
    "--profile",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A TOML file with resources; --resource overrides it.",
)
@click.option("--cancel-on-interrupt", is_flag=True, help="On Ctrl-C also cancel runs on a cluster; by default they continue.")
@click.option(
    "--order",
    type=click.Choice(["planned", "shortest", "longest", "random"]),
    help="Order of the runs. Results do not depend on it.  [default: planned; with --max-time: shortest first]",
)
@click.option(
    "--checkpoint-every",
    default="5m",
    show_default=True,
    metavar="DURATION",
    help="Time between two checkpoints of a run, from which an interrupted run continues.",
)
@click.option(
    "--max-time",
    metavar="DURATION",
    help="Stop the command after this time (2h, 90m, HH:MM:SS). Runs write a checkpoint; the same command continues them.",
)
@click.option(
    "--log",
    "trackers",
    metavar="NAMES",
    help="Experiment trackers that receive each run when it has ended, comma-separated: tensorboard, mlflow, wandb.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and the estimate, and stop.")
@plugin_option
@results_option
def command(
    methods: str,
    tasks: str | None,
    suite: str | None,
    protocol: str | None,
    changes: tuple[str, ...],
    signals: str | None,
    seeds: str,
    device: str,
    jobs: int | None,
    share_gpu: int | None,
    engine: Literal["fast", "reference"],
    track: Track | None,
    timeout: float | None,
    memory_limit: float | None,
    retry_failed: bool,
    artifacts: Literal["all", "last", "none"],
    probes: str,
    dry_run: bool,
    executor: str,
    resources: tuple[str, ...],
    profile: Path | None,
    cancel_on_interrupt: bool,
    order: Literal["planned", "shortest", "longest", "random"] | None,
    checkpoint_every: str,
    max_time: str | None,
    trackers: str | None,
    plugins: tuple[Path, ...],
    results: Path,
) -> int:
    """Fit methods on tasks. Runs that are already stored are not repeated.

    After Ctrl-C, finished runs stay stored, and the same command continues with the others, each from its last checkpoint.

    \b
    inrbench run --suite quick
    inrbench run --methods msa,siren --tasks kodak --protocol quick --signals 'kodim0*'
    inrbench run --methods './my_act.py,siren[omega=30,60]' --tasks photo --protocol quick --seeds 3
    inrbench run --tasks photo --protocol quick --signals ./mine.png

    Exit codes: 0 all runs ok, 1 a run failed or its data are missing, 2 wrong usage, 5 stopped by --max-time,
    130 stopped by Ctrl-C.
    """
    from inrbench.fit import keep_freed_memory
    from inrbench.planning import RunOptions, parse_duration
    from inrbench.runner import run

    keep_freed_memory()  # as the workers do: estimates come from steps that are timed here

    options = RunOptions(
        methods=methods,
        tasks=tasks,
        suite=suite,
        protocol=protocol,
        changes=parse_changes(changes),
        signals=signals,
        seeds=parse_seeds(seeds),
        device=device,
        engine=engine,
        track=track,
        probes=probes,
        plugins=plugins,
        retry_failed=retry_failed,
        results=results,
        jobs=jobs,
        share_gpu=share_gpu,
        timeout=timeout,
        memory_limit=memory_limit,
        artifacts=artifacts,
        executor=executor,
        resources=read_resources(resources, profile),
        cancel_on_interrupt=cancel_on_interrupt,
        order=order,
        checkpoint_every=parse_duration(checkpoint_every),
        max_time=None if max_time is None else parse_duration(max_time),
        trackers=words(trackers),
        dry_run=dry_run,
    )
    return run(options).exit_code


def read_resources(given: Sequence[str], profile: Path | None) -> dict[str, Any]:
    """Return the resources of a profile, overridden by ``NAME=VALUE`` options. Raises BadValue if either is malformed."""
    try:
        found = tomllib.loads(profile.read_text(encoding="utf-8")) if profile else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadValue(f"--profile {profile}: {error}") from error
    for text in given:
        if not re.fullmatch(r"\w+=.+", text):
            raise BadValue(f"--resource {text}: write NAME=VALUE, for example --resource partition=gpu")
        name, _, value = text.partition("=")
        found[name] = value
    return found


def parse_changes(changes: Sequence[str]) -> dict[str, str]:
    """Return ``--set FIELD=VALUE`` options as a mapping. Each option may have several fields, separated by commas.

    >>> parse_changes(["epochs=5,lr=1e-4", "coordinate_range=(-1,1)"])
    {'epochs': '5', 'lr': '1e-4', 'coordinate_range': '(-1,1)'}

    Raises BadValue for anything else.
    """
    found = [part.strip() for change in changes for part in split_outside_brackets(change, ",")]
    for part in found:
        if not re.fullmatch(r"[\w.]+=.+", part):
            raise BadValue(f"--set {part}: write FIELD=VALUE, for example --set epochs=100,lr=1e-4")
    return dict(part.split("=", 1) for part in found)
