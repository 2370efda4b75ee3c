"""``inrbench results list|verify|compact|merge|export|track|gc|migrate``."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from inrbench.cli.options import ResultsFolder, results_and_artifacts_option, results_option, words, writing_to
from inrbench.console import say
from inrbench.errors import CHECK_FAILED, OK, RUN_FAILED, BadValue

if TYPE_CHECKING:
    from inrbench.store import MergeResult


@click.group("results")
def command() -> None:
    """List, verify, compact, merge, export, track, clean and migrate a results folder.

    \b
    inrbench results list
    inrbench results verify --results results/published
    """


@command.command("list")
@click.option("--tasks", help="Only these tasks, comma-separated.")
@click.option("--track", help="Only this track.  [default: all but search, the trials of inrbench tune]")
@results_option
def list_(tasks: str | None, track: str | None, results: Path) -> None:
    """Print one line per run.

    It has the shortened run id, status, signal, method, seed and primary metric.

    \b
    inrbench results list --tasks photo
    """
    from inrbench.analyse import comparable_runs, measured

    for group in comparable_runs(results, ("run_id", "status", "metrics", "primary_metric"), words(tasks), track=track):
        say(f"{group.task}, protocol {group.protocol} ({group.fingerprint}), track {group.track}", bold=True)
        for run in group.runs.sort_values(["label", "signal", "seed"]).itertuples(index=False):
            value = measured(run.metrics, run.primary_metric)
            number = "" if value is None else f"  {run.primary_metric} {value:.5g}"
            say(f"  {run.run_id[:10]}  {run.status:8} {run.signal} {run.label} seed {run.seed}{number}")


@command.command("verify")
@results_and_artifacts_option
def verify_(results: Path) -> int:
    """Check that every file matches its name and columns.

    Exit code 3 if a file does not match.

    \b
    inrbench results verify
    inrbench results verify --results s3://bucket/prefix
    """
    from inrbench.store import verify

    found = verify(results)
    for path, reason in found.faults.items():
        say(f"{path}: {reason}")
    looked = f"{found.files} files with {found.attempts} attempts, {found.artifacts} artifacts"
    say(f"{looked}: {len(found.faults) or 'none'} with a fault.")
    if found.unchecked:
        say(f"{found.unchecked} attempts are of the first version, and their ids were not checked: inrbench results migrate")
    return CHECK_FAILED if found.faults else OK


@command.command("compact")
@results_and_artifacts_option
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write to a different folder, for example results/published: only the attempt that counts of each run.",
)
@click.option("--tasks", help="With --to: only these tasks, comma-separated.")
@click.option("--artifacts", is_flag=True, help="With --to: also copy the artifacts of the runs (pictures and weights).")
def compact_(results: Path, target: Path | None, tasks: str | None, artifacts: bool) -> int:
    """Merge the runs into one file per task and method.

    The same runs always give the same bytes.

    \b
    inrbench results compact                            in place; keeps every attempt and makes reading faster
    inrbench results compact --to results/published     a copy that can be committed
    """
    from inrbench.store import MergeResult, compact_in_place, export_compact

    if target is None and (tasks or artifacts):
        raise click.UsageError("--tasks and --artifacts need --to FOLDER")
    merged = (
        MergeResult(compact_in_place(results))
        if target is None
        else export_compact(results, target, words(tasks) or None, artifacts)
    )
    for path, n_runs in merged.written.items():
        say(f"{path}: {n_runs} {'attempts' if target is None else 'runs'}, {path.stat().st_size:,} bytes")
    if not merged.written:
        say("nothing to merge")
    return _tell_refused(merged)


@command.command("merge")
@click.argument("other", type=ResultsFolder(artifacts=True))
@results_and_artifacts_option
def merge_(other: Path, results: Path) -> int:
    """Add the attempts and artifacts of a different results folder.

    Attempts keep their ids, times and machines. OTHER may come from an untrusted source: files and rows that do not pass the
    checks are refused and listed, the others are added, and the exit code is 3.

    \b
    inrbench results merge ../theirs/results
    """
    from inrbench.store import display_name, import_attempts

    merged = import_attempts(other, results)
    say(f"{sum(merged.written.values())} attempts of {display_name(other)} were added to {display_name(results)}")
    if merged.left_out:
        say(f"{merged.left_out} left out: their runs had already ended well here")
    return _tell_refused(merged)


def _tell_refused(merged: "MergeResult") -> int:
    for path, reason in merged.refused.items():
        say(f"refused: {path} {reason}")
    return CHECK_FAILED if merged.refused else OK


@command.command("export")
@results_option
@click.option(
    "--table",
    type=click.Choice(["runs", "metrics", "curves", "probes"]),
    default="runs",
    show_default=True,
    help="One row per run, per metric of a run, per point of its curve, or per reading of a probe.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="FILE.csv or FILE.json.")
def export_(results: Path, table: Literal["runs", "metrics", "curves", "probes"], output: Path) -> None:
    """Write the results as CSV or JSON.

    \b
    inrbench results export -o runs.csv
    inrbench results export --table curves -o curves.json
    """
    from inrbench.report.csv import csv_cell
    from inrbench.store import load_results

    frame = load_results(results, table)
    if output.suffix not in (".csv", ".json"):
        raise BadValue(f"-o {output}: write FILE.csv or FILE.json")
    with writing_to(output):
        if output.suffix == ".csv":
            texts = frame.select_dtypes(["object", "string"]).columns
            frame.assign(**{name: frame[name].map(csv_cell) for name in texts}).to_csv(output, index=False)
        else:
            frame.to_json(output, orient="records", indent=1, date_format="iso")
    say(f"{output}: {len(frame)} rows")


@command.command("track")
@click.option(
    "--log", "trackers", required=True, metavar="NAMES", help="Trackers, comma-separated: tensorboard, mlflow, wandb."
)
@click.option("--tasks", help="Only these tasks, comma-separated.")
@results_and_artifacts_option
def track_(trackers: str, tasks: str | None, results: Path) -> int:
    """Send stored runs to experiment trackers.

    Exit code 1 if a run could not be sent.

    \b
    inrbench results track --log tensorboard
    """
    from inrbench.store import read_runs
    from inrbench.trackers import Sender

    rows = read_runs(results, ["task"]).table.to_pylist()
    chosen = [row["run_id"] for row in rows if not tasks or row["task"] in words(tasks)]
    sender = Sender(words(trackers), results)
    for run in chosen:
        sender.send(run)
    notes = sender.close(patience=math.inf)
    for note in notes:
        say(f"note: {note}")
    say(f"{len(chosen)} runs, tracker {', '.join(words(trackers))}: {'not all of them were' if notes else 'all'} sent.")
    return RUN_FAILED if notes else OK


@command.command("gc")
@results_and_artifacts_option
@click.option("--delete", is_flag=True, help="Remove them; without this option they are only listed.")
def gc_(results: Path, delete: bool) -> int:
    """Find files that no run needs.

    They are artifacts, leases, checkpoints and temporary files that are at least one day old.

    \b
    inrbench results gc
    inrbench results gc --delete
    """
    from inrbench.store import mirror_of, orphans, remove_orphans

    found, unreadable = orphans(results)
    for path, reason in unreadable.items():
        say(f"{path} cannot be read ({reason}), so it is not known which artifacts it needs: no artifact is removed")
    for path, size in found.items():
        say(f"{path}: {size:,} bytes")
    total = f"{len(found)} orphans, {sum(found.values()) / 2**20:,.1f} MiB"
    if delete:
        removed = remove_orphans(results, found)
        if remote := mirror_of(results):
            remote.remove(removed)
        kept = f"; {len(found) - len(removed)} are now in use and were kept" if len(removed) < len(found) else ""
        say(f"{total}, removed{kept}")
    else:
        say(f"{total}; remove them: inrbench results gc --delete" if found else "no orphans")
    return CHECK_FAILED if unreadable else OK


@command.command("migrate")
@results_and_artifacts_option
def migrate_(results: Path) -> int:
    """Rewrite files of earlier versions with the current columns. Numbers, times and attempts do not change.

    \b
    inrbench results migrate
    """
    from inrbench.store import migrate

    written, left = migrate(results)
    for path, reason in left.items():
        say(f"{path}: not changed: {reason}")
    say(f"{len(written)} files rewritten with {sum(written.values())} attempts, {len(left)} not changed.")
    return CHECK_FAILED if left else OK
