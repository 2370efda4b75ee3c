"""``inrbench reproduce``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inrbench.cli.options import parse_seeds, results_and_artifacts_option
from inrbench.console import say
from inrbench.errors import NothingFound

if TYPE_CHECKING:
    from inrbench.analyse.claims import Claim
    from inrbench.planning import Request
    from inrbench.registry import Registry


@click.command("reproduce")
@click.argument("paper")
@click.option("--item", help="Only this table or figure: table3, figure2a.  [default: all]")
@click.option(
    "--protocol",
    type=click.Choice(["paper", "quick"]),
    default="paper",
    show_default=True,
    help="paper: the conditions of the paper; quick: seconds per run, which reproduces nothing.",
)
@click.option("--seeds", default="1", show_default=True, help="Seeds, as in inrbench run.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:i.")
@click.option("--jobs", type=click.IntRange(min=1), help="Runs at a time, as in inrbench run.")
@click.option("--dry-run", is_flag=True, help="Print the plans and the estimates, and stop.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("figures"),
    show_default=True,
    help="Folder for figures.",
)
@results_and_artifacts_option
def command(
    paper: str,
    item: str | None,
    protocol: str,
    seeds: str,
    device: str,
    jobs: int | None,
    dry_run: bool,
    output: Path,
    results: Path,
) -> int:
    """Run what a paper's tables and figures need, and compare printed and measured numbers.

    Runs that are already stored are not repeated.

    \b
    inrbench reproduce msa2026 --item figure2a --protocol quick
    inrbench reproduce msa2026 --item table3 --dry-run
    """
    from inrbench.analyse import comparable_runs
    from inrbench.analyse.claims import claims_of
    from inrbench.analyse.papers import paper_key
    from inrbench.analyse.verdicts import COLUMNS, evaluate_claims
    from inrbench.planning import RunOptions, resolve_device
    from inrbench.registry import Registry
    from inrbench.report.claims import evidence, side_by_side, summary
    from inrbench.runner import EXIT_INTERRUPTED, run_requests

    registry = Registry()
    claims = claims_of(paper_key(paper), registry, item)
    requests = requests_for(claims, protocol == "quick", parse_seeds(seeds), resolve_device(device))
    code = run_requests(requests, RunOptions(results=results, jobs=jobs, dry_run=dry_run)).exit_code
    if dry_run or code == EXIT_INTERRUPTED:
        return code
    verdicts = evaluate_claims(claims, comparable_runs(results, COLUMNS), registry)
    say()
    for name in dict.fromkeys(claim.item for claim in claims):
        say(side_by_side(name, [verdict for verdict in verdicts if verdict.claim.item == name]), block=True)
        _draw(name, claims, registry, protocol, results, output)
    say(summary(verdicts) + ".")
    for line in evidence(claims):
        say(f"Conditions: {line}.")
    return code


def requests_for(claims: "Sequence[Claim]", quick: bool, seeds: Sequence[int], device: str) -> "list[Request]":
    """Return the requests that cover claims: one per task, protocol, set of signals and set of probes.

    Args:
        claims: The claims.
        quick: Whether to use the protocol ``quick`` instead of the one of each claim.
        seeds: Seeds of the runs.
        device: Device of the runs.
    """
    from inrbench.planning import Request

    wanted: dict[tuple[str, str, str, str], set[str]] = {}
    for claim in claims:
        where = claim.task, "quick" if quick else claim.protocol, ",".join(claim.signals)
        for name in [claim.run] if claim.run else claim.methods:
            wanted.setdefault((*where, name), set()).update({claim.probe} if claim.probe else set())
    together: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for (task, protocol, signals, name), probes in wanted.items():
        together.setdefault((task, protocol, signals, tuple(sorted(probes))), []).append(name)
    return [
        Request(
            methods=",".join(names),
            tasks=task,
            protocol=protocol,
            signals=signals,
            seeds=seeds,
            device=device,
            probes=probes,
        )
        for (task, protocol, signals, probes), names in together.items()
    ]


def _draw(item: str, claims: "Sequence[Claim]", registry: "Registry", protocol: str, results: Path, output: Path) -> None:
    """Draw an item if it is a figure, using only the runs that it needs."""
    from inrbench.cli.plot import draw

    claim = next((claim for claim in claims if claim.item == item and claim.figure), None)
    if claim is None:
        return
    output.mkdir(parents=True, exist_ok=True)
    name = claim.protocol if protocol == "paper" else "quick"
    task = registry.task(claim.task)
    fingerprint = task.protocols[name].fingerprint(task.name, task.version)
    of_item = [b for b in claims if b.item == item]
    labels = () if claim.run else tuple(dict.fromkeys(label for b in of_item for label in b.methods))
    try:
        path = draw(
            claim.figure,
            output / f"{item}.png",
            results,
            (claim.task,),
            (fingerprint,),
            labels,
            claim.signals,
            over=claim.worst_case_over or None,
            track="paper",
        )
        say(f"wrote {path}")
        say()
    except NothingFound as error:
        say(f"{item} cannot be drawn: {error}")
        say()
