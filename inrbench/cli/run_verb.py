"""``inrbench run``."""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from inrbench.cli.options import plugin_option, results_option
from inrbench.errors import OK, RUN_FAILED, BadValue, InrbenchError

if TYPE_CHECKING:
    from inrbench.cli.progress import Tally
    from inrbench.execute import Estimate, Job, Plan, Request
    from inrbench.registry import Registry

LONG_SECONDS = 4 * 3600
"""From here on the plan says that there is a shorter way."""
INTERRUPTED = 130


@click.command("run")
@click.option("--methods", default="all", show_default=True,
              help="Methods with parameter grids, 'msa[s_max=3.0,4.0],siren', a file './my_act.py', or all.")  # fmt: skip
@click.option("--tasks", help="Tasks, comma-separated, or all.")
@click.option("--suite", help="A named list of tasks and protocols: quick, paper.")
@click.option("--protocol", default=None, help="Protocol of --tasks.  [default: paper]")
@click.option(
    "--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change a protocol field; gives another fingerprint."
)
@click.option("--signals", help="Signals, comma-separated, with * and ?; or a file of your own.")
@click.option("--seeds", default="1", show_default=True, help="How many (3 means 0,1,2), or a list like 0,7 or 7,.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:i.")
@click.option("--jobs", type=click.IntRange(min=1), help="Runs at a time.  [default: one a CPU core, one on a GPU]")
@click.option("--engine", type=click.Choice(["fast", "reference"]), default="fast", show_default=True,
              help="How a step is computed: sooner, or plainly. The mathematics is the same.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds after which a run is given up.")
@click.option("--retry", type=click.Choice(["failed"]), help="Also do again what failed earlier.")
@click.option("--probe", "probes", default="", metavar="NAMES",
              help="Instruments to read during runs: gradients, activations, ntk; comma-separated.")  # fmt: skip
@click.option("--artifacts", type=click.Choice(["last", "none"]), default="last", show_default=True,
              help="Keep each run's last reconstruction (PNG, MP4, PLY) in RESULTS/artifacts.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print the plan and the estimate, and stop.")
@plugin_option
@results_option
def command(
    methods: str, tasks: str | None, suite: str | None, protocol: str | None, changes: tuple[str, ...], signals: str | None,
    seeds: str, device: str, jobs: int | None, engine: Literal["fast", "reference"],
    timeout: float | None, retry: str | None, artifacts: str, probes: str, dry_run: bool,
    plugins: tuple[Path, ...], results: Path,
) -> int:  # fmt: skip
    """Fit methods on tasks. The same command again does only what is missing; Ctrl-C keeps what is finished.

    \b
    inrbench run --suite quick
    inrbench run --methods msa,siren --tasks kodak --protocol quick --signals 'kodim0*'
    inrbench run --methods './my_act.py,siren[omega=30,60]' --tasks photo --protocol quick --seeds 3
    inrbench run --tasks photo --protocol quick --signals ./mine.png

    Exit codes: 0 all runs ok, 1 some run failed or its data is missing, 2 wrong usage, 130 stopped by Ctrl-C.
    """
    from inrbench.cli.progress import Tally, progress_display
    from inrbench.execute import PoolSettings, Request, default_workers, estimate, make_plan, resolve_device, run_local
    from inrbench.fit import probe_names
    from inrbench.store import check_writable, code_state, finished_runs, physical_cores, probed_runs

    if suite and protocol:
        raise BadValue(f"--suite {suite} names its own protocol; leave out --protocol, or name tasks with --tasks")
    request = Request(
        methods=methods, tasks=tasks, suite=suite, protocol=protocol or "paper", changes=parse_changes(changes),
        signals=signals, seeds=parse_seeds(seeds), device=resolve_device(device), plugin_files=plugins,
        retry_failed=retry == "failed", engine=engine, probes=probe_names(probes),
    )  # fmt: skip
    finished = finished_runs(results)
    if request.probes:  # a run that ended well without them is done again
        probed = probed_runs(results, request.probes)
        finished = {run_id: status for run_id, status in finished.items() if status != "ok" or run_id in probed}
    plan, registry = make_plan(request, finished)
    # Not fewer for a short rest: with other threads the same seed gives other roundings, and other times.
    workers = jobs or default_workers(request.device)
    threads = max(1, physical_cores() // workers)
    expected = estimate(plan.todo, results, threads)
    print_plan(plan, expected, workers, request, results)
    if dry_run:
        return OK
    earlier = {status for _, status in plan.failed}
    if not plan.todo:
        return RUN_FAILED if earlier else OK
    check_writable(results)
    _fetch_optional(plan.todo, registry)
    _prepare(plan.todo, registry)
    settings = PoolSettings(
        results=results.resolve(), workers=workers, threads=threads, timeout=timeout, artifacts=artifacts == "last",
        code=code_state(),
    )  # fmt: skip
    tally = Tally(len(plan.todo))
    with progress_display(tally) as listener:
        completed = run_local(plan.todo, settings, listener)
    _print_end(tally, completed, results)
    if not completed:
        return INTERRUPTED
    return RUN_FAILED if tally.bad or earlier else OK


def parse_changes(changes: Sequence[str]) -> dict[str, str]:
    """Return ``--set FIELD=VALUE`` options as a mapping. Raises BadValue."""
    for change in changes:
        if not re.fullmatch(r"\w+=.+", change):
            raise BadValue(f"--set {change}: write FIELD=VALUE, for example --set epochs=100")
    return dict(change.split("=", 1) for change in changes)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return seeds from ``3`` (0, 1, 2) or ``0,7`` (these). Raises BadValue.

    >>> parse_seeds("3"), parse_seeds("4,7"), parse_seeds("7,")
    ((0, 1, 2), (4, 7), (7,))
    """
    items = [item.strip() for item in text.split(",") if item.strip()]
    if not items or not all(re.fullmatch(r"\d+", item) for item in items):
        raise BadValue(f"--seeds {text}: give how many (3), or a list (0,7,42)")
    numbers = tuple(dict.fromkeys(map(int, items)))
    if "," in text:
        return numbers
    if numbers[0] == 0:
        raise BadValue("--seeds 0: at least one seed is needed; the seed 0 alone is --seeds 1")
    return tuple(range(numbers[0]))


def print_plan(plan: "Plan", expected: "Estimate", workers: int, request: "Request", results: Path) -> None:
    """Print what will be done, how much is done already, and how long it will take."""
    from inrbench.report.words import duration

    for note in plan.notes:
        click.echo(f"note: {note}")
    groups: dict[tuple[str, str], list[tuple[Job, float]]] = {}
    for job, seconds in zip(plan.todo, expected.seconds, strict=True):
        where = f"{job.spec.task}, protocol {job.spec.protocol} ({job.spec.protocol_fingerprint})"
        groups.setdefault((where, job.spec.label), []).append((job, seconds))
    where = ""
    for (heading, label), group in groups.items():
        if heading != where:
            click.secho(heading, bold=True)
            where = heading
        mean = sum(seconds for _, seconds in group) / len(group)
        once = f"about {duration(mean)} each" if mean else "time not known"
        click.echo(f"  {label:24} {len(group):4} run(s), {once}")
    states = [f"{len(plan.done)} in {results} already", f"{len(plan.todo)} to do"]
    if plan.failed:
        counts = Counter(status for _, status in plan.failed)
        failed = ", ".join(f"{n} {status}" for status, n in counts.items())
        states.insert(1, f"{len(plan.failed)} failed earlier ({failed}; again with --retry failed)")
    click.echo(f"{plan.total} runs: {', '.join(states)}.")
    if not plan.todo:
        return
    for reason in expected.unreadable:
        click.echo(f"note: {reason}")
    total = expected.wall_seconds(workers)
    where = f"on {request.device} with {workers} worker(s)"
    if expected.unknown == len(plan.todo):
        click.echo(f"How long this takes {where} is not known: a plugin of yours is timed by its first run.")
    else:
        source = "earlier runs" if expected.measured == len(plan.todo) else "a short calibration here"
        click.echo(f"About {duration(total)} {where}, by {source}.")
        if expected.unknown:
            click.echo(f"note: {expected.unknown} run(s) of plugins that never ran here are not in this figure.")
    if total > LONG_SECONDS and not request.suite and request.protocol != "quick":
        advice = "--protocol quick takes seconds a run"
        gpu = "" if request.device.startswith("cuda") else "; a GPU is far faster than a CPU"
        click.echo(f"That is long. {advice}, though it reproduces no paper{gpu}.")


def _fetch_optional(jobs: Sequence["Job"], registry: "Registry") -> None:
    """Try to get data without which only a metric is missing; say so if it cannot be had."""
    from inrbench.data import dataset, locate
    from inrbench.data.fetch import fetch

    for name in dict.fromkeys(name for task in {job.spec.task for job in jobs} for name in registry.task(task).optional_data):
        if all(locate(name, file).path for file in dataset(name).sha256):
            continue
        try:
            fetch(name)
        except InrbenchError as error:
            click.echo(f"note: the metric '{name}' will be missing: {error}")


def _prepare(jobs: Sequence["Job"], registry: "Registry") -> None:
    """Do what runs would wait for and keep on disk, such as the ground truth of shapes. What fails here is told by the runs."""
    from inrbench.cli.progress import preparing

    for job in {(job.spec.task, job.spec.signal, job.spec.protocol_fingerprint): job for job in jobs}.values():
        task = registry.task(job.spec.task)
        with suppress(Exception), preparing(f"preparing {job.spec.task}/{job.spec.signal}") as tell:
            if job.signal_file:
                task.adopt(Path(job.signal_file))
            task.prepare(job.spec.signal, job.protocol, tell)


def _print_end(tally: "Tally", completed: bool, results: Path) -> None:
    ended = ", ".join(f"{n} {status}" for status, n in sorted(tally.counts.items())) or "none ended"
    click.echo(f"{sum(tally.counts.values())} of {tally.total} runs: {ended}.")
    for message, n in tally.failures.most_common():
        click.echo(f"  {n} x {message}")
    for message, n in tally.notes.most_common():
        click.echo(f"  note: {n} x {message}")
    option = "" if results == Path("results") else f" --results {results}"
    if not completed:
        click.echo("Stopped. What is finished is kept; the same command goes on from there.")
    elif tally.counts["ok"]:
        click.echo(f"See: inrbench leaderboard{option}")
