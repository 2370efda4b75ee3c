"""``inrbench claims``."""

from pathlib import Path

import click

from inrbench.cli.options import results_option
from inrbench.console import say
from inrbench.errors import NothingFound


@click.command("claims")
@click.argument("paper", required=False)
@click.option("--item", help="Only this table or figure: table3, figure2a.")
@click.option("--format", "style", type=click.Choice(["plain", "markdown", "json"]), default="plain", show_default=True)
@click.option("--summary", is_flag=True, help="Only count the verdicts of each kind per table and figure.")
@results_option
def command(paper: str | None, item: str | None, style: str, summary: bool, results: Path) -> None:
    """Compare the numbers printed in a paper with the measured ones, and print a verdict on each.

    Without PAPER, all papers with claims are compared.

    \b
    reproduced         three or more seeds, and the printed number is within their spread
    consistent         the same, with fewer seeds
    bound holds        a bound that the paper states holds; other methods may satisfy it too
    both fail          the paper's run did not train, and neither did the measured run
    not reproduced     outside the spread; "better than printed" is outside too
    incomplete         measured on a part of the signals: not refuted there, not decided yet
    protocol differs   measured, but under conditions that differ from the paper's
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
        groups = []  # nothing was run yet, and the table shows it
    for key in keys:
        claims = claims_of(key, registry, item)
        text_of = counts_by_item if summary else verdict_text
        say(text_of(papers()[key].get("short", key), evaluate_claims(claims, groups, registry), style), block=True)
