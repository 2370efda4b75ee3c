"""``inrbench claims``."""

from pathlib import Path

import click

from inrbench.cli.options import results_option
from inrbench.console import say
from inrbench.errors import NothingFound


@click.command("claims")
@click.argument("paper", required=False)
@click.option("--item", help="Only one table or figure: table3, figure2a.")
@click.option("--format", "style", type=click.Choice(["plain", "markdown", "json"]), default="plain", show_default=True)
@click.option("--summary", is_flag=True, help="Only how many claims of each table and figure came to what.")
@results_option
def command(paper: str | None, item: str | None, style: str, summary: bool, results: Path) -> None:
    """Set what a paper printed against what was measured: its number, ours, and a verdict on each.

    \b
    reproduced         three seeds or more, and the number lies within their spread
    consistent         the same, of fewer seeds
    bound holds        a bound that the paper states, which other methods may keep to as well
    both fail          the paper's run did not train, and ours did not either
    not reproduced     outside the spread; "better than printed" is outside too
    protocol differs   measured, but under other conditions than the paper's
    protocol guessed   measured, but the paper does not print the conditions: no evidence either way
    not run            nothing measured yet: inrbench reproduce PAPER --item ITEM

    \b
    inrbench claims msa2026
    inrbench claims msa2026 --item table3 --results results/published
    """
    from inrbench.analyse import comparable_runs
    from inrbench.analyse.claims import claims_of
    from inrbench.analyse.papers import paper_key, papers
    from inrbench.analyse.verdicts import COLUMNS, evaluate_claims
    from inrbench.registry import Registry
    from inrbench.report.claims import counts_by_item, verdict_text

    keys = [paper_key(paper)] if paper else [key for key, facts in papers().items() if "claims" in facts]
    registry = Registry()
    try:
        groups = comparable_runs(results, COLUMNS)
    except NothingFound:
        groups = []  # then nothing was run, and the table says so
    for key in keys:
        claims = claims_of(key, registry, item)
        told = counts_by_item if summary else verdict_text
        say(told(papers()[key].get("short", key), evaluate_claims(claims, groups, registry), style), block=True)
