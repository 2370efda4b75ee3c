"""``inrbench diff``."""

from pathlib import Path
from typing import Any

import click

from inrbench.cli.options import results_option
from inrbench.console import say
from inrbench.spec import MethodLabel, run_title


@click.command("diff")
@click.argument("run", metavar="RUN_ID")
@click.option("--limit", type=click.IntRange(min=1), default=3, show_default=True, help="Number of similar runs to show.")
@results_option
def command(run: str, limit: int, results: Path) -> None:
    """Show which fields distinguish a run from similar runs.

    The differences explain why a run was repeated, or why two runs do not share a leaderboard.

    RUN_ID may be shortened; `inrbench results list` prints the ids.

    \b
    inrbench diff 3f9a1c
    """
    from inrbench.analyse import nearest_runs
    from inrbench.store import stored_run

    row = stored_run(results, run)
    say(_told(row), bold=True)
    found = nearest_runs(row, results)
    for related in found[:limit]:
        say(f"differs from {_told(related.row)} in")
        for each in related.differences:
            why = f"  ({each.why})" if each.why else ""
            say(f"  {each.field}: {_short(each.this)} here, {_short(each.other)} there{why}")
    if len(found) > limit:
        say(f"and from {len(found) - limit} other runs; see them with --limit {len(found)}")
    if not found:
        say(f"There is no other run of {row['method']} on {row['task']}/{row['signal']} in {results}.")


def _told(row: dict[str, Any]) -> str:
    label = MethodLabel(row["method"], row["variant"])
    what = f"{run_title(row['task'], row['signal'], label, row['seed'])} ({row['protocol']})"
    return f"{row['run_id'][:10]}, {what}, {row['status']} on {row['finished_at']:%Y-%m-%d %H:%M}"


def _short(value: Any) -> str:
    """Return a value as text; a long text, such as a digest, is shortened."""
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:10]}..."
