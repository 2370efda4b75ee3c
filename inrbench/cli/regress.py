"""``inrbench regress``."""

from pathlib import Path

import click

from inrbench.cli.options import results_option, words
from inrbench.console import say
from inrbench.errors import CHECK_FAILED, NOTHING_COMPARED, OK, NothingFound


@click.command("regress")
@click.option(
    "--against",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results/published"),
    show_default=True,
    help="The folder of published results to compare with.",
)
@click.option("--tasks", help="Only these tasks, comma-separated.")
@click.option("--claims", help="Claims that must hold, as PAPER or PAPER/ITEM, comma-separated: msa2026/figure2b.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    metavar="RATIO",
    help="Also fail if the fast engine took more than RATIO times the training time of the reference engine.",
)
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML to this file.")
@click.option(
    "--summary", "summary_file", type=click.Path(path_type=Path, dir_okay=False), help="Write a Markdown summary to this file."
)
@results_option
def command(
    against: Path,
    tasks: str | None,
    claims: str | None,
    speed: float | None,
    junit: Path | None,
    summary_file: Path | None,
    results: Path,
) -> int:
    """Compare new results with published ones, as a regression check for CI.

    The same runs must reach the same quality within the spread over seeds. Results that are better
    than this spread allows fail too.

    Exit codes: 0 all checks hold, 3 a check failed, 4 nothing was compared.

    \b
    inrbench run --methods msa,siren --tasks function1d --protocol quick --results new && inrbench regress --results new
    inrbench regress --claims msa2026/figure2b --results results/published
    """
    from inrbench.analyse import comparable_runs
    from inrbench.analyse.claims import claims_of
    from inrbench.analyse.papers import paper_key
    from inrbench.analyse.regression import COLUMNS, check_claims, check_quality, check_speed
    from inrbench.analyse.verdicts import COLUMNS as CLAIM_COLUMNS
    from inrbench.analyse.verdicts import evaluate_claims
    from inrbench.registry import Registry
    from inrbench.report.regression import summary, to_junit, to_markdown

    for folder in (results, against):
        if not folder.is_dir():
            raise NothingFound(f"nothing was compared: there is no folder '{folder}'")
    new = comparable_runs(results, (*COLUMNS, *CLAIM_COLUMNS), words(tasks))
    checks = check_quality(new, comparable_runs(against, COLUMNS)) if results.resolve() != against.resolve() else []
    registry = Registry()
    for name in words(claims):
        paper, _, item = name.partition("/")
        checks += check_claims(evaluate_claims(claims_of(paper_key(paper), registry, item or None), new, registry))
    if speed is not None:
        checks += check_speed(new, speed)
    for check in checks:
        if check.outcome == "failed":
            say(f"failed: {check.about}: {check.message}")
    say(summary(checks) + ".")
    for file, text in ((junit, to_junit), (summary_file, to_markdown)):
        if file is not None:
            file.write_text(text(checks), encoding="utf-8")
    if any(check.outcome == "failed" for check in checks):
        return CHECK_FAILED
    if not any(check.outcome == "holds" for check in checks):
        say("nothing was compared: no new run was published with the same protocol, device class and engine", err=True)
        return NOTHING_COMPARED
    return OK
