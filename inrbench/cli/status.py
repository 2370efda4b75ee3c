"""``inrbench status``."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inrbench.cli.options import results_option
from inrbench.console import say
from inrbench.spec import run_title

if TYPE_CHECKING:
    from inrbench.store import Lease


@click.command("status")
@results_option
def command(results: Path) -> None:
    """Show how runs ended, which failed and why, what is running and where, and the remaining time.

    \b
    inrbench status --results results
    """
    from inrbench.report.formatting import duration
    from inrbench.store import active_leases, checkpoints, display_name, read_runs

    stored = read_runs(results, ["status", "message", "wall_seconds", "task", "signal", "method", "seed"])
    rows = sorted(stored.table.to_pylist(), key=lambda row: (row["task"], row["signal"], row["method"], row["seed"]))
    print_ended(rows, results)
    if stored.unreadable:
        say(
            f"  {len(stored.unreadable)} file(s) cannot be read; see: inrbench results verify --results {display_name(results)}"
        )
    if waiting := len(checkpoints(results)):
        say(f"  {waiting} unfinished run(s) have a checkpoint; the command that started them continues from there.")
    left_here, runs_held = print_leases(active_leases(results), results)
    left_there, tasks = print_cluster(results)
    left, at_once = left_here + left_there, max(runs_held, tasks)  # runs of a cluster task have leases as well
    if not left:
        say("No run is in progress.")
        return
    seconds = [row["wall_seconds"] for row in rows if row["status"] == "ok"]
    if seconds:
        rest = left * sum(seconds) / len(seconds) / max(1, at_once)
        say(f"{left} runs are left: about {duration(rest)}, if they take as long as those that ended.")
    else:
        say(f"{left} runs are left; their time is not known yet.")


def print_ended(rows: Sequence[dict[str, Any]], results: Path) -> None:
    """Print how runs ended, and why runs failed."""
    counts = Counter(row["status"] for row in rows)
    ended = ", ".join(f"{n} {status}" for status, n in counts.most_common()) or "none"
    say(f"{len(rows)} runs in {results}: {ended}.")
    failures: dict[str, list[str]] = {}
    for row in rows:
        if row["status"] != "ok":
            name = run_title(row["task"], row["signal"], row["method"], row["seed"])
            failures.setdefault(f"{row['status']}: {row['message']}", []).append(name)
    for reason, names in failures.items():
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        say(f"  {len(names)} x {reason}  ({names[0]}{others})")


def print_leases(leases: "Sequence[Lease]", results: Path) -> tuple[int, int]:
    """Print the active commands and runs; return the number of runs left, and the number of runs in progress."""
    from inrbench.report.formatting import duration, progress_text
    from inrbench.store import newly_finished, progress_of

    commands = [(lease, lease.runs) for lease in leases if lease.runs is not None]
    runs = [lease for lease in leases if lease.what is not None]
    left: set[str] = set()
    for lease, planned in commands:
        ended = newly_finished(results, lease.known)
        missing = {run for run in planned if run not in ended}
        left |= missing
        n_ended = len(planned) - len(missing)
        say(f"inrbench run, process {lease.pid} on {lease.host}: {n_ended} of {len(planned)} runs ended")
    progress = progress_of(results, {lease.name for lease in runs})
    for lease in runs:
        seconds = max(0.0, time.time() - lease.acquired_at)
        how_far = f": {progress_text(progress[lease.name])}" if lease.name in progress else ""
        say(f"  {lease.what}, on {lease.host} for {duration(seconds)}{how_far}")
    return len(left), len(runs)


def print_cluster(results: Path) -> tuple[int, int]:
    """Print the waiting and running tasks of a cluster; return the number of runs left, and of running tasks."""
    from inrbench.execute.slurm import active_tasks, submissions
    from inrbench.store import newly_finished

    sent = submissions(results)
    alive = active_tasks() if sent else {}
    if alive is None:
        say("SLURM does not answer: its waiting and running tasks are not known.")
        return 0, 0
    left, running = 0, 0
    for submission in sent:
        done = newly_finished(results, submission.known)
        for task, runs in submission.tasks.items():
            if task in alive:
                missing = [run for run in runs if run not in done]
                say(f"task {task}, {alive[task]}: {len(runs) - len(missing)} of {len(runs)} runs ended")
                left += len(missing)
                running += alive[task].startswith("running")
    return left, running
