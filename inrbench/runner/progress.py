"""What ``inrbench run`` shows while it works: bars in a terminal, a line for each finished run elsewhere."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inrbench.console import say
from inrbench.errors import printable
from inrbench.execute import Job, ProgressObserver, RunOutcome

DESCRIPTION = TextColumn("{task.description}", markup=False)
NOTE = TextColumn("{task.fields[note]}", markup=False)


@contextmanager
def preparing(what: str) -> Iterator[Callable[[float], None]]:
    """Yield a function that is told the fraction done; the first telling shows a bar, or a line without a terminal."""
    console = Console(stderr=True, highlight=False)
    bars = Progress(
        DESCRIPTION,
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    row = bars.add_task(printable(what), total=1.0)

    def tell(fraction: float) -> None:
        if console.is_terminal:
            bars.start()
        elif not bars.tasks[row].completed:
            say(f"{what} ...")
        bars.update(row, completed=fraction)

    try:
        yield tell
    finally:
        if bars.live.is_started:
            bars.stop()


class Tally:
    """Counts how runs ended. ``bad`` is whether some run failed, or could not start for lack of data."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.counts: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.artifact_bytes = 0
        self.bad = False
        self._waited = False

    def add(self, job: Job, outcome: RunOutcome) -> str:
        """Count an outcome and return its line."""
        self.counts[outcome.status] += 1
        self.artifact_bytes += outcome.artifact_bytes
        if outcome.status != "ok":
            self.failures[f"{outcome.status}: {outcome.message}"] += 1
            self.bad |= outcome.error_type != "NotApplicable"
        if outcome.note:
            self.notes[outcome.note] += 1
        number = f"[{sum(self.counts.values())}/{self.total}]"
        if outcome.status == "ok":
            tail = "" if outcome.primary is None else f", {job.protocol.primary} {outcome.primary:.4g}"
        else:
            tail = f": {outcome.message}"
        what = f"{job.spec.task}/{job.spec.signal} {job.spec.label} seed {job.spec.seed}"
        return f"{number} {outcome.status:8} {what}, {outcome.wall_seconds:.1f} s{tail}"

    def wait(self, jobs: Sequence[Job]) -> str | None:
        """Return what to say of runs that are waited for, the first time."""
        if self._waited:
            return None
        self._waited = True
        return f"waiting for {len(jobs)} run(s) that another command carries out; see: inrbench status"


@contextmanager
def progress_display(tally: Tally) -> Iterator[ProgressObserver]:
    """Yield a listener that shows progress on standard error's terminal, or prints lines if there is none."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Lines(tally)
        return
    columns = (
        DESCRIPTION,
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        NOTE,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Bars(tally, bars)


class _Lines:
    """One line for each finished run."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def started(self, job: Job) -> None:
        pass

    def progress(self, job: Job, fraction: float, value: float) -> None:
        pass

    def finished(self, job: Job, outcome: RunOutcome) -> None:
        say(self._tally.add(job, outcome))

    def waiting(self, jobs: Sequence[Job]) -> None:
        if line := self._tally.wait(jobs):
            say(line)


class _Bars:
    """An overall bar, one bar for each run in hand, and a line above them for each finished run."""

    def __init__(self, tally: Tally, bars: Progress) -> None:
        self._tally, self._bars = tally, bars
        self._overall = bars.add_task("all runs", total=tally.total, note="")
        self._rows: dict[str, TaskID] = {}

    def started(self, job: Job) -> None:
        name = f"{job.spec.task}/{job.spec.signal} {job.spec.label}"
        self._rows[job.spec.run_id] = self._bars.add_task(printable(name), total=100, note="")

    def progress(self, job: Job, fraction: float, value: float) -> None:
        note = "" if math.isnan(value) else f"{job.protocol.primary.partition('@')[0]} {value:.4g}"
        self._bars.update(self._rows[job.spec.run_id], completed=100 * fraction, note=note)

    def finished(self, job: Job, outcome: RunOutcome) -> None:
        row = self._rows.pop(job.spec.run_id, None)
        if row is not None:
            self._bars.remove_task(row)
        style = "" if outcome.status == "ok" else "red"
        self._bars.console.print(printable(self._tally.add(job, outcome)), style=style, markup=False)
        self._bars.advance(self._overall)

    def waiting(self, jobs: Sequence[Job]) -> None:
        if line := self._tally.wait(jobs):
            self._bars.console.print(printable(line), markup=False)
