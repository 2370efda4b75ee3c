"""Runs that are carried out on other machines, which share the results folder. Only the store says which have ended."""

import time

from inrbench.execute.job import ExecutionRequest, Job, ProgressObserver, RunOutcome
from inrbench.store import newly_finished, progress_of, read_attempts


class RunsElsewhere:
    """The runs of a request that a command waits for.

    Args:
        request: The request.
        observer: Receives progress and outcomes.
    """

    def __init__(self, request: ExecutionRequest, observer: ProgressObserver) -> None:
        self.waiting: dict[str, Job] = {job.spec.run_id: job for job in request.jobs}
        """Run id -> job of the runs that have not ended."""
        self._results, self._known = request.settings.results, request.settings.known
        self._deadline = request.settings.deadline
        self._observer = observer
        self._started: set[str] = set()

    def report(self) -> None:
        """Report the runs that have a new row, and stop waiting for them; report the progress of the others."""
        statuses = newly_finished(self._results, self._known)
        ended = {run for run, status in statuses.items() if run in self.waiting and status != "interrupted"}
        for row in read_attempts(self._results, ended) if ended else ():
            self.end(row["run_id"], RunOutcome.from_row(row))
        for run, job in self.waiting.items():
            progress = progress_of(self._results, run)
            if progress is None:
                continue
            if run not in self._started:
                self._started.add(run)
                self._observer.started(job)
            self._observer.progress(job, progress)

    @property
    def time_is_up(self) -> bool:
        """Whether the command's time is up. The runs stop by themselves: they know the same deadline."""
        return self._deadline is not None and time.time() >= self._deadline

    def end(self, run: str, outcome: RunOutcome) -> None:
        """Report the outcome of a run, and stop waiting for it."""
        self._observer.finished(self.waiting.pop(run), outcome)
