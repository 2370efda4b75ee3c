"""The observer of the command line: prints the plan, bars or lines of progress, and how the runs ended."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as LiveProgress

from inrbench.console import say
from inrbench.errors import printable
from inrbench.execute import Job, RunOutcome
from inrbench.planning import Estimate, Plan, Request, RunOptions
from inrbench.report.formatting import duration_range, progress_text
from inrbench.runner.report import RunReport
from inrbench.spec import Progress
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
        bars = LiveProgress(
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
        """Show a table of the current runs, if there is a terminal."""
        self._lines = _ProgressLines(report)
        if not self._console.is_terminal:
            yield
            return
        with _Bars(self._console, report) as self._bars:
            yield
        self._bars = None

    def started(self, job: Job) -> None:
        """Show a row for a run."""
        if self._bars:
            self._bars.add(job)

    def progress(self, job: Job, progress: Progress) -> None:
        """Update the row of a run, or print a line from time to time."""
        if self._bars:
            self._bars.move(job, progress)
        else:
            for line in self._lines.lines(job, progress, time.monotonic()):
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
            left = f"{report.runs_left} {runs(report.runs_left)} not ended{time_left(report)}"
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
    """Decides when to print lines about the current runs, and what they say."""

    def __init__(self, report: RunReport) -> None:
        self._report = report
        self._printed: dict[str, float] = {}
        """Run id -> time of the last line about it; "" -> time of the last line about all runs."""

    def lines(self, job: Job, progress: Progress, now: float) -> Iterator[str]:
        """Yield the lines to print: about a run and about all runs, each at most once in PROGRESS_SECONDS.

        Args:
            job: The job of the run.
            progress: How far it is.
            now: Time in seconds.
        """
        if self._due(job.spec.run_id, now):
            yield f"running  {job.spec.title}: {progress_text(progress, job.protocol.primary)}"
        if self._due("", now) and len(self._report.plan.todo) > 1:
            yield f"{len(self._report.outcomes)} of {len(self._report.plan.todo)} runs ended{time_left(self._report)}"

    def _due(self, what: str, now: float) -> bool:
        if now - self._printed.setdefault(what, now) < PROGRESS_SECONDS:
            return False
        self._printed[what] = now
        return True


def time_left(report: RunReport) -> str:
    """Return the remaining time of a command as a clause, or an empty text if it is not known."""
    left = report.remaining.seconds()
    return "" if left is None else f", about {duration_range(*left)} left"


class _Bars:
    """A line for all runs, and one for each run that is being carried out."""

    def __init__(self, console: Console, report: RunReport) -> None:
        self._progress = LiveProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=BAR_WIDTH),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._report = report
        self._overall = self._progress.add_task("all runs", total=len(report.plan.todo), note="")
        self._rows: dict[str, TaskID] = {}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def add(self, job: Job) -> None:
        name = f"{job.spec.task}/{job.spec.signal} {job.spec.label}"
        self._rows[job.spec.run_id] = self._progress.add_task(printable(name), total=1.0, note="")

    def move(self, job: Job, progress: Progress) -> None:
        note = progress_text(progress, job.protocol.primary)
        self._progress.update(self._rows[job.spec.run_id], completed=progress.fraction, note=note)
        self._show_overall()

    def remove(self, job: Job) -> None:
        row = self._rows.pop(job.spec.run_id, None)
        if row is not None:
            self._progress.remove_task(row)
        self._progress.advance(self._overall)
        self._show_overall()

    def _show_overall(self) -> None:
        ended, total = len(self._report.outcomes), len(self._report.plan.todo)
        self._progress.update(self._overall, note=f"{ended} of {total} ended{time_left(self._report)}")

    def print(self, line: str, style: str) -> None:
        self._progress.console.print(printable(line), style=style, markup=False)


def runs(number: int) -> str:
    """Return the noun for a number of runs."""
    return "run" if number == 1 else "runs"


def _print_runs(plan: Plan, estimate: Estimate) -> None:
    """Print each method's runs under their task and protocol. The trials of a search are counted, not listed."""
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    trials: dict[tuple[str, str], set[str]] = {}
    origins: dict[str, str] = {}
    for job, expected in zip(plan.todo, estimate.ranges, strict=True):
        spec = job.spec
        track = "" if spec.track == "paper" else f", track {spec.track}"
        heading = f"{spec.task}, protocol {spec.protocol} ({spec.protocol_fingerprint}){track}"
        name = spec.label
        if spec.track == "search":
            name = spec.method
            trials.setdefault((heading, name), set()).add(spec.label)
        if job.plugin_origin != "builtin":
            origins[name] = f"{job.plugin_origin}, code {spec.method_sha256[:12]}"
        groups.setdefault((heading, name), []).append(expected)
    last = ""
    for (heading, name), ranges in groups.items():
        if heading != last:
            say(heading, bold=True)
            last = heading
        low, high = (sum(ends) / len(ranges) for ends in zip(*ranges, strict=True))
        each = f"{duration_range(low, high)} each" if high else "time not known"
        settings = f" of {len(tried)} settings" if (tried := trials.get((heading, name))) else ""
        say(f"  {name:24} {len(ranges):4} run(s){settings}, {each}")
        if name in origins:
            say(f"    {origins.pop(name)}")


def _print_counts(plan: Plan, results: Path) -> None:
    states = [f"{len(plan.done)} in {display_name(results)} already", f"{len(plan.todo)} to do"]
    if plan.failed:
        counts = Counter(status for _, status in plan.failed)
        failed = ", ".join(f"{n} {status}" for status, n in counts.items())
        states.insert(1, f"{len(plan.failed)} failed earlier ({failed}; again with --retry-failed)")
    say(f"{plan.total} {runs(plan.total)}: {', '.join(states)}.")


def _print_estimate(report: RunReport, request: Request) -> None:
    estimate, workers = report.estimate, report.workers
    for reason in estimate.unreadable:
        say(f"note: {reason}")
    low, high = estimate.wall_seconds(workers or 1)
    if workers:
        where = f"on {request.device} with {workers} worker(s)"
    else:
        where = f"of work on {request.device}, one run after another"
    if not estimate.measured and not estimate.timed:
        yours = estimate.unknown and any(job.plugin_origin != "builtin" for job in report.plan.todo)
        why = "a plugin of yours is timed by its first run" if yours else "no steps could be timed beforehand"
        say(f"How long this takes is not known: {why}.")
    else:
        sources = {"earlier runs": estimate.measured, "a short timing on this machine": estimate.timed}
        source = " and ".join(name for name, jobs in sources.items() if jobs)
        say(f"About {duration_range(low, high)} {where}, estimated from {source}.")
        if estimate.unknown:
            say(f"note: the estimate leaves out {estimate.unknown} run(s) whose time is not known yet.")
    if high > LONG_SECONDS and not request.suite and request.protocol != "quick":
        gpu = "" if request.device.startswith("cuda") else "; a GPU is far faster than a CPU"
        say(f"That is long. --protocol quick takes seconds per run, though it reproduces no paper{gpu}.")
