"""``inrbench run``."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import click

from inrbench.cli.options import complete_names, parse_seeds, plugin_option, results_option
from inrbench.errors import BadValue
from inrbench.spec import Track, split_outside_brackets


@click.command("run")
@click.option(
    "--methods",
    default="all",
    show_default=True,
    shell_complete=complete_names("methods"),
    help="Methods with parameter grids, 'msa[s_max=3.0,4.0],siren', a file './my_act.py', or all.",
)
@click.option("--tasks", shell_complete=complete_names("tasks"), help="Tasks, comma-separated, or all.")
@click.option("--suite", help="A named list of tasks and protocols: quick, paper.")
@click.option("--protocol", default=None, help="Protocol of --tasks.  [default: paper]")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change protocol fields, epochs=100,lr=1e-4; gives another fingerprint.",
)
@click.option(
    "--signals", help="Signals, comma-separated, with * and ?; or files of your own, one with a comma as '\"./a,b.png\"'."
)
@click.option("--seeds", default="1", show_default=True, help="How many (3 means 0,1,2), or a list like 0,7 or 7,.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:i.")
@click.option("--jobs", type=click.IntRange(min=1), help="Runs at a time.  [default: one a CPU core, one on a GPU]")
@click.option("--share-gpu", type=click.IntRange(min=2), help="Runs at a time on one GPU; their times are never shown then.")
@click.option(
    "--engine",
    type=click.Choice(["fast", "reference"]),
    default="fast",
    show_default=True,
    help="How a step is computed: sooner, or plainly. The mathematics is the same.",
)
@click.option(
    "--track",
    type=click.Choice(["paper", "authors", "tuned"]),
    default="paper",
    show_default=True,
    help="Train all methods alike, as the paper; each as its authors do; or as inrbench tune chose.",
)
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds after which a run is given up.")
@click.option(
    "--memory-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="GIB",
    help="Host memory that a run may take; one that asks for more ends as oom.",
)
@click.option("--retry-failed", is_flag=True, help="Also repeat runs that failed earlier.")
@click.option(
    "--probe",
    "probes",
    default="",
    metavar="NAMES",
    help="Instruments to read during runs: gradients, activations, ntk, spectrum; comma-separated.",
)
@click.option(
    "--artifacts",
    type=click.Choice(["all", "last", "none"]),
    default="last",
    show_default=True,
    help="Keep each run's last reconstruction and weights, or also those along its curve.",
)
@click.option("--executor", default="local", show_default=True, help="Where runs are carried out: local, slurm, or a plugin's.")
@click.option(
    "--resource",
    "resources",
    multiple=True,
    metavar="NAME=VALUE",
    help="What to ask a cluster for: partition, account, gpus, cpus, memory, time (minutes), setup, ...",
)
@click.option(
    "--profile",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A TOML file with resources; --resource goes first.",
)
@click.option("--cancel-on-interrupt", is_flag=True, help="Ctrl-C also ends what runs on a cluster; else it goes on there.")
@click.option("--shuffle", is_flag=True, help="Do the runs in random order. The numbers do not depend on it.")
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
    track: Track,
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
    shuffle: bool,
    plugins: tuple[Path, ...],
    results: Path,
) -> int:
    """Fit methods on tasks. The same command again does only what is missing; Ctrl-C keeps what is finished.

    \b
    inrbench run --suite quick
    inrbench run --methods msa,siren --tasks kodak --protocol quick --signals 'kodim0*'
    inrbench run --methods './my_act.py,siren[omega=30,60]' --tasks photo --protocol quick --seeds 3
    inrbench run --tasks photo --protocol quick --signals ./mine.png

    Exit codes: 0 all runs ok, 1 some run failed or its data is missing, 2 wrong usage, 130 stopped by Ctrl-C.
    """
    from inrbench.planning import RunOptions
    from inrbench.runner import run

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
        shuffle=shuffle,
        dry_run=dry_run,
    )
    return run(options).exit_code


def read_resources(given: Sequence[str], profile: Path | None) -> dict[str, Any]:
    """Return resources of a profile, changed by ``NAME=VALUE`` options. Raises BadValue."""
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
    """Return ``--set FIELD=VALUE`` options, each of which may hold several with commas between, as a mapping.

    >>> parse_changes(["epochs=5,lr=1e-4", "coordinate_range=(-1,1)"])
    {'epochs': '5', 'lr': '1e-4', 'coordinate_range': '(-1,1)'}

    Raises BadValue for anything else.
    """
    found = [part.strip() for change in changes for part in split_outside_brackets(change, ",")]
    for part in found:
        if not re.fullmatch(r"[\w.]+=.+", part):
            raise BadValue(f"--set {part}: write FIELD=VALUE, for example --set epochs=100,lr=1e-4")
    return dict(part.split("=", 1) for part in found)
