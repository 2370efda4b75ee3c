"""``inrbench submit``."""

from pathlib import Path

import click

from inrbench.cli.options import results_option, words
from inrbench.console import say
from inrbench.errors import CHECK_FAILED, OK, BadValue

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("submit")
@click.argument("what", type=click.Path(path_type=Path, exists=True), metavar="PLUGIN_OR_FOLDER")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="The folder to write; new or empty.")
@click.option("--author", help="Who submits: a name, or a group.")
@click.option("--tasks", help="Only the runs of these tasks, comma-separated.")
@click.option("--check", is_flag=True, help="Check the submission in a folder instead: its files, rows and method.")
@click.option(
    "--sample", type=click.IntRange(min=0), default=2, show_default=True, help="For --check: how many runs to carry out again."
)
@click.option(
    "--accept",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="For --check: add the rows to this folder of published results if all checks pass.",
)
@results_option
def command(
    what: Path,
    output: Path | None,
    author: str | None,
    tasks: str | None,
    check: bool,
    sample: int,
    accept: Path | None,
    results: Path,
) -> int:
    """Make a folder that submits a method with its results, or check such a folder.

    The folder has the method's file, its runs, the environment, and a manifest with hashes. A pull request carries it. --check
    executes the method's code, which could also mislead the check: read it first, and check submissions of strangers only in a
    container. Exit code 3 if a check fails.

    \b
    inrbench submit ./my_act.py --results results -o submissions/my-act --author "Ada Lovelace"
    inrbench submit submissions/my-act --check
    inrbench submit submissions/my-act --check --accept results/published
    """
    from inrbench.submission import write_bundle

    if check:
        return _check(what, sample, accept)
    if output is None or not author:
        raise BadValue('inrbench submit needs a folder and a name: -o submissions/NAME --author "NAME"')
    bundle = write_bundle(what, results, output, author, set(words(tasks)) or None)
    say(f"wrote {output}: {', '.join(bundle.methods)}, {len(bundle.files)} files")
    say(f"Check it as the maintainers will: inrbench submit {output} --check")
    return OK


def _check(folder: Path, sample: int, target: Path | None) -> int:
    from inrbench.submission import accept, check_bundle, private_copy

    failed, repeated = False, 0
    with private_copy(folder) as kept, private_copy(kept) as checked:  # the method's code could change the copy it is read from
        for result in check_bundle(checked, sample):
            failed |= result.state == "fail"
            repeated += result.state == "ok" and result.check.startswith("again: ")
            advice = f"; {result.advice}" if result.advice else ""
            say(f"  {result.state:4}", end="", fg=COLOURS[result.state])
            say(f" {result.check}: {result.message}{advice}")
        if failed:
            say("The submission is not accepted.")
            return CHECK_FAILED
        if target is not None:
            rows = accept(kept, target, verified=repeated > 0)
            mark = "verified" if repeated else "reported: no run was repeated"
            say(f"accepted: {rows} rows are in {target}, {mark}")
    return OK
