"""``inrbench status``."""

from collections import Counter
from pathlib import Path

import click

from inrbench.cli.options import results_option


@click.command("status")
@results_option
def command(results: Path) -> None:
    """Print how the runs of a results folder ended, what failed and why, and what waits or runs on a cluster, and how long.

    \b
    inrbench status --results results
    """
    from inrbench.execute.slurm import alive_tasks, submissions
    from inrbench.report.words import duration
    from inrbench.store import attempts_since, read_runs

    held = read_runs(results, ["status", "message", "wall_seconds", "task", "signal", "method", "seed"])
    rows = sorted(held.table.to_pylist(), key=lambda row: (row["task"], row["signal"], row["method"], row["seed"]))
    counts = Counter(row["status"] for row in rows)
    ended = ", ".join(f"{n} {status}" for status, n in counts.most_common()) or "none"
    click.echo(f"{len(rows)} runs in {results}: {ended}.")
    failures: dict[str, list[str]] = {}
    for row in rows:
        if row["status"] != "ok":
            name = f"{row['task']}/{row['signal']} {row['method']} seed {row['seed']}"
            failures.setdefault(f"{row['status']}: {row['message']}", []).append(name)
    for reason, names in failures.items():
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        click.echo(f"  {len(names)} x {reason}  ({names[0]}{others})")
    if held.unreadable:
        click.echo(f"  {len(held.unreadable)} file(s) cannot be read; see: inrbench results verify --results {results}")
    sent = submissions(results)
    if not sent:
        return
    alive = alive_tasks()
    if alive is None:
        click.echo("SLURM does not answer: what still waits or runs there is not known.")
        return
    left, at_once = 0, 0
    for submission in sent:
        done = attempts_since(results, submission.path.stem)
        for task, runs in submission.tasks.items():
            if task in alive:
                missing = [run for run in runs if run not in done]
                click.echo(f"task {task}, {alive[task]}: {len(runs) - len(missing)} of {len(runs)} runs ended")
                left += len(missing)
                at_once += alive[task].startswith("running")
    if not left:
        click.echo("Nothing waits or runs on the cluster.")
        return
    seconds = [row["wall_seconds"] for row in rows if row["status"] == "ok"]
    if seconds:
        rest = left * sum(seconds) / len(seconds) / max(1, at_once)
        click.echo(f"{left} runs are left: about {duration(rest)}, if they are like those that ended.")
    else:
        click.echo(f"{left} runs are left; how long they take is not known yet.")
