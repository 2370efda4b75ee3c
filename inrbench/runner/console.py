"""The observer of the command line: prints the plan, bars or lines of progress, and how the runs ended."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inrbench.console import say
from inrbench.errors import printable
from inrbench.execute import Job, RunOutcome
from inrbench.planning import Estimate, Plan, Request, RunOptions
from inrbench.report.formatting import duration
from inrbench.runner.report import RunReport
from inrbench.store import display_name

LONG_SECONDS = 4 * 3600
"""Estimated seconds above which the plan mentions that there is a shorter protocol."""
BAR_WIDTH = 24
PROGRESS_SECONDS = 60.0
"""Seconds between two lines about a run, if there is no terminal."""


class ConsoleObserver:
    """Prints to the terminal: bars if standard error is a terminal.

    If it is not, prints one line per finished run, and one line per minute for each run that is being carried out.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bars: _Bars | None = None
        self._total = self._finished = 0
        self._waited = False
        self._lines = _ProgressLines()

    def planned(self, report: RunReport, request: Request, options: RunOptions) -> None:
        """Print what will be carried out, what is stored already, and how long it will take.

        Args:
            report: The report, with the plan and the estimate.
            request: The first request.
            options: How the runs are carried out.
        """
        self._total = len(report.plan.todo)
        for note in report.plan.notes:
            self.note(note)
        _print_runs(report.plan, report.estimate)
        _print_counts(report.plan, options.results)
        if report.plan.todo:
            _print_estimate(report, request)

    def note(self, text: str) -> None:
        """Print a note."""
        say(f"note: {text}")

    @contextmanager
    def preparing(self, title: str) -> Iterator[Callable[[float], None]]:
        """Show a bar as soon as a fraction is reported, or print a line if there is no terminal."""
        bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=BAR_WIDTH),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )
        row = bars.add_task(printable(title), total=1.0)

        def report(fraction: float) -> None:
            if self._console.is_terminal:
                bars.start()
            elif not bars.tasks[row].completed:
                say(f"{title} ...")
            bars.update(row, completed=fraction)

        try:
            yield report
        finally:
            if bars.live.is_started:
                bars.stop()

    @contextmanager
    def running(self, report: RunReport) -> Iterator[None]:
        """Show bars while runs are carried out, if there is a terminal."""
        if not self._console.is_terminal:
            yield
            return
        with _Bars(self._console, len(report.plan.todo)) as self._bars:
            yield
        self._bars = None

    def started(self, job: Job) -> None:
        """Show a bar for a run."""
        if self._bars:
            self._bars.add(job)
        else:
            self._lines.start(job, time.monotonic())

    def progress(self, job: Job, fraction: float, value: float) -> None:
        """Move the bar of a run.

        Args:
            job: The job of the run.
            fraction: Fraction that is done, in [0, 1].
            value: Last primary metric; NaN if there is none yet.
        """
        if self._bars:
            self._bars.move(job, fraction, value)
        elif line := self._lines.line(job, fraction, value, time.monotonic()):
            say(line)

    def finished(self, job: Job, outcome: RunOutcome) -> None:
        """Print one line per finished run."""
        self._finished += 1
        if outcome.status == "ok":
            tail = "" if outcome.primary is None else f", {job.protocol.primary} {outcome.primary:.4g}"
        else:
            tail = f": {outcome.message}"
        number = f"[{self._finished}/{self._total}]"
        line = f"{number} {outcome.status:8} {job.spec.title}, {outcome.wall_seconds:.1f} s{tail}"
        if self._bars:
            self._bars.remove(job)
        self._print(line, "" if outcome.status == "ok" else "red")

    def waiting(self, jobs: Sequence[Job]) -> None:
        """Print once that another command is carrying out the remaining runs."""
        if not self._waited:
            self._waited = True
            self._print(f"waiting for {len(jobs)} run(s) that another command carries out; see: inrbench status")

    def ended(self, report: RunReport, request: Request, options: RunOptions) -> None:
        """Print how many runs ended with each status, why some failed, and what to do next.

        Args:
            report: The report, with the outcomes.
            request: The first request.
            options: How the runs were carried out.
        """
        outcomes = [outcome for _, outcome in report.outcomes]
        counts = Counter(outcome.status for outcome in outcomes)
        ended = ", ".join(f"{n} {status}" for status, n in sorted(counts.items())) or "none ended"
        say(f"{len(outcomes)} of {self._total} {runs(self._total)}: {ended}.")
        failures = Counter(f"{o.status}: {o.message}" for o in outcomes if o.status != "ok")
        for message, n in failures.most_common():
            say(f"  {n} x {message}")
        for message, n in Counter(o.note for o in outcomes if o.note).most_common():
            say(f"  note: {n} x {message}")
        if size := sum(outcome.artifact_bytes for outcome in outcomes):
            folder = display_name(options.results)
            say(f"  artifacts: {size / 2**20:,.1f} MiB in {folder}/artifacts, identical files are stored once")
        option = "" if options.results == Path("results") else f" --results {display_name(options.results)}"
        if not report.completed and options.executor != "local" and not options.cancel_on_interrupt:
            say(f"Stopped here. Submitted runs continue; see: inrbench status{option}. The same command waits for them again.")
        elif report.out_of_time:
            left = f"{report.runs_left} {runs(report.runs_left)} left, about {duration(report.seconds_left)} of work"
            say(f"Time is up: {left}. The same command continues them.")
        elif not report.completed:
            say("Stopped. Finished runs are stored; the same command continues from there.")
        elif counts["ok"]:
            track = " --track search" if request.track == "search" else ""
            say(f"See: inrbench leaderboard{track}{option}")

    def _print(self, line: str, style: str = "") -> None:
        if self._bars:
            self._bars.print(line, style)
        else:
            say(line)


class _ProgressLines:
    """Decides when to print a line about a run, and what it says."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[float, float]] = {}
        """Run id -> time and fraction at the first step that was seen. A run that continues does not start at 0."""
        self._printed: dict[str, float] = {}

    def start(self, job: Job, now: float) -> None:
        """Record the start of a run."""
        self._first.pop(job.spec.run_id, None)
        self._printed[job.spec.run_id] = now

    def line(self, job: Job, fraction: float, value: float, now: float) -> str | None:
        """Return the line to print; None if the last one is less than PROGRESS_SECONDS old.

        Args:
            job: The job of the run.
            fraction: Fraction that is done, in [0, 1].
            value: Last primary metric; NaN if there is none yet.
            now: Time in seconds.
        """
        run = job.spec.run_id
        if fraction > 0:
            self._first.setdefault(run, (now, fraction))
        if now - self._printed.setdefault(run, now) < PROGRESS_SECONDS:
            return None
        self._printed[run] = now
        begin, before = self._first.get(run, (now, 0.0))
        parts = [f"{fraction:.0%} of the steps"]
        if not math.isnan(value):
            parts.append(f"{job.protocol.primary} {value:.4g}")
        if fraction > before:
            parts.append(f"about {duration((now - begin) * (1 - fraction) / (fraction - before))} left")
        return f"running  {job.spec.title}: {', '.join(parts)}"


class _Bars:
    """One bar for all runs, and one for each run that is being carried out."""

    def __init__(self, console: Console, total: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=BAR_WIDTH),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._overall = self._progress.add_task("all runs", total=total, note="")
        self._rows: dict[str, TaskID] = {}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def add(self, job: Job) -> None:
        name = f"{job.spec.task}/{job.spec.signal} {job.spec.label}"
        self._rows[job.spec.run_id] = self._progress.add_task(printable(name), total=100, note="")

    def move(self, job: Job, fraction: float, value: float) -> None:
        note = "" if math.isnan(value) else f"{job.protocol.primary.partition('@')[0]} {value:.4g}"
        self._progress.update(self._rows[job.spec.run_id], completed=100 * fraction, note=note)

    def remove(self, job: Job) -> None:
        row = self._rows.pop(job.spec.run_id, None)
        if row is not None:
            self._progress.remove_task(row)
        self._progress.advance(self._overall)

    def print(self, line: str, style: str) -> None:
        self._progress.console.print(printable(line), style=style, markup=False)


def runs(number: int) -> str:
    """Return the noun for a number of runs."""
    return "run" if number == 1 else "runs"


def _print_runs(plan: Plan, estimate: Estimate) -> None:
    """Print each method's runs under their task and protocol."""
    groups: dict[tuple[str, str], list[float]] = {}
    for job, seconds in zip(plan.todo, estimate.seconds, strict=True):
        heading = f"{job.spec.task}, protocol {job.spec.protocol} ({job.spec.protocol_fingerprint})"
        groups.setdefault((heading, job.spec.label), []).append(seconds)
    last = ""
    for (heading, label), seconds_of_runs in groups.items():
        if heading != last:
            say(heading, bold=True)
            last = heading
        mean = sum(seconds_of_runs) / len(seconds_of_runs)
        each = f"about {duration(mean)} each" if mean else "time not known"
        say(f"  {label:24} {len(seconds_of_runs):4} run(s), {each}")


def _print_counts(plan: Plan, results: Path) -> None:
    states = [f"{len(plan.done)} in {display_name(results)} already", f"{len(plan.todo)} to do"]
    if plan.failed:
        counts = Counter(status for _, status in plan.failed)
        failed = ", ".join(f"{n} {status}" for status, n in counts.items())
        states.insert(1, f"{len(plan.failed)} failed earlier ({failed}; again with --retry-failed)")
    say(f"{plan.total} {runs(plan.total)}: {', '.join(states)}.")


def _print_estimate(report: RunReport, request: Request) -> None:
    estimate, workers, todo = report.estimate, report.workers, len(report.plan.todo)
    for reason in estimate.unreadable:
        say(f"note: {reason}")
    total = estimate.wall_seconds(workers or 1)
    if workers:
        where = f"on {request.device} with {workers} worker(s)"
    else:
        where = f"of work on {request.device}, one run after another"
    if estimate.unknown == todo:
        say(f"How long this takes {where} is not known: a plugin of yours is timed by its first run.")
    else:
        source = "earlier runs" if estimate.measured == todo else "a short timing on this machine"
        say(f"About {duration(total)} {where}, estimated from {source}.")
        if estimate.unknown:
            say(f"note: the estimate leaves out {estimate.unknown} run(s) whose time is not known yet.")
    if total > LONG_SECONDS and not request.suite and request.protocol != "quick":
        gpu = "" if request.device.startswith("cuda") else "; a GPU is far faster than a CPU"
        say(f"That is long. --protocol quick takes seconds per run, though it reproduces no paper{gpu}.")
