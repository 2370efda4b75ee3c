"""``inrbench reproduce``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inrbench.cli.options import parse_seeds, results_and_artifacts_option
from inrbench.console import say
from inrbench.errors import NothingFound
from inrbench.session import INTERRUPTED, perform

if TYPE_CHECKING:
    from inrbench.analyse.claims import Block
    from inrbench.execute import Request
    from inrbench.registry import Registry


@click.command("reproduce")
@click.argument("paper")
@click.option("--item", help="One table or figure: table3, figure2a.  [default: all of them]")
@click.option("--protocol", type=click.Choice(["paper", "quick"]), default="paper", show_default=True,
              help="The paper's conditions, or seconds a run, which reproduce nothing.")  # fmt: skip
@click.option("--seeds", default="1", show_default=True, help="As for run.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:i.")
@click.option("--jobs", type=click.IntRange(min=1), help="As for run.")
@click.option("--dry-run", is_flag=True, help="Print the plans and the estimates, and stop.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), default=Path("figures"), show_default=True,
              help="Where figures go.")  # fmt: skip
@results_and_artifacts_option
def command(
    paper: str, item: str | None, protocol: str, seeds: str, device: str, jobs: int | None, dry_run: bool, output: Path,
    results: Path,
) -> int:  # fmt: skip
    """Run what a paper's tables and figures need, and set theirs and ours side by side. Does only what is missing.

    \b
    inrbench reproduce msa2026 --item figure2a --protocol quick
    inrbench reproduce msa2026 --item table3 --dry-run
    """
    from inrbench.analyse import comparable_runs
    from inrbench.analyse.claims import claims_of
    from inrbench.analyse.papers import paper_key
    from inrbench.analyse.verdicts import COLUMNS, judge
    from inrbench.execute import resolve_device
    from inrbench.registry import Registry
    from inrbench.report.verdicts import evidence, side_by_side, summary

    registry = Registry()
    blocks = claims_of(paper_key(paper), registry, item)
    requests = requests_for(blocks, protocol == "quick", parse_seeds(seeds), resolve_device(device))
    code = perform(requests, results, jobs=jobs, dry_run=dry_run)
    if dry_run or code == INTERRUPTED:
        return code
    verdicts = judge(blocks, comparable_runs(results, COLUMNS), registry)
    say()
    for name in dict.fromkeys(block.item for block in blocks):
        say(side_by_side(name, [verdict for verdict in verdicts if verdict.block.item == name]), block=True)
        _draw(name, blocks, registry, protocol, results, output)
    say(summary(verdicts) + ".")
    for line in evidence(blocks):
        say(f"Conditions: {line}.")
    return code


def requests_for(blocks: "Sequence[Block]", quick: bool, seeds: Sequence[int], device: str) -> "list[Request]":
    """Return the requests that cover what blocks need, one for each task, protocol, and set of signals and methods."""
    from inrbench.execute import Request

    wanted: dict[tuple[str, str, str, str], set[str]] = {}
    for block in blocks:
        where = block.task, "quick" if quick else block.protocol, ",".join(block.signals)
        for name in [block.run] if block.run else block.methods:
            wanted.setdefault((*where, name), set()).update({block.probe} if block.probe else set())
    together: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for (task, protocol, signals, name), probes in wanted.items():
        together.setdefault((task, protocol, signals, tuple(sorted(probes))), []).append(name)
    return [
        Request(
            methods=",".join(names), tasks=task, protocol=protocol, signals=signals, seeds=seeds, device=device, probes=probes,
        )
        for (task, protocol, signals, probes), names in together.items()
    ]  # fmt: skip


def _draw(
    item: str, blocks: "Sequence[Block]", registry: "Registry", protocol: str, results: Path, output: Path
) -> None:  # fmt: skip
    """Draw an item that is a figure, from the runs it needs and no others."""
    from inrbench.cli.plot_verb import draw

    block = next((block for block in blocks if block.item == item and block.figure), None)
    if block is None:
        return
    output.mkdir(parents=True, exist_ok=True)
    name = block.protocol if protocol == "paper" else "quick"
    task = registry.task(block.task)
    fingerprint = task.protocols[name].fingerprint(task.name, task.version)
    of_item = [b for b in blocks if b.item == item]
    labels = () if block.run else tuple(dict.fromkeys(label for b in of_item for label in b.methods))
    try:
        path = draw(
            block.figure, output / f"{item}.png", results, (block.task,), (fingerprint,), labels, block.signals,
            over=block.worst_over or None, track="paper",
        )  # fmt: skip
        say(f"wrote {path}")
        say()
    except NothingFound as error:
        say(f"{item} cannot be drawn: {error}")
        say()
