"""Runs that are carried out on other machines, which share the results folder. Only the store says which have ended."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from inrbench.errors import BadValue
from inrbench.execute.job import ExecutionRequest, ExecutionSettings, Job, ProgressObserver, RunOutcome
from inrbench.execute.pool import store_failure
from inrbench.store import newly_finished, progress_of, read_attempts

MAX_SUBMISSIONS = 3
"""Number of times that a run is submitted. If its tasks end without its row, it then ends as an error."""


def refuse_unknown_resources(resources: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise BadValue if a ``--resource`` has a name that the executor does not know."""
    if unknown := sorted(set(resources) - set(known)):
        raise BadValue(f"--resource {unknown[0]}: the resources are {', '.join(known)}")


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
        for run, progress in progress_of(self._results, self.waiting.keys()).items():
            job = self.waiting[run]
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

    def give_up(self, run: str, settings: ExecutionSettings, task: str, reason: str) -> None:
        """End a run as an error, because its tasks ended ``MAX_SUBMISSIONS`` times without storing its row.

        Args:
            run: Run id.
            settings: What the tasks shared.
            task: What the task is called, such as ``SLURM task``.
            reason: Why it ended, or where that can be read.

        Raises:
            StoreError: The row cannot be stored.
        """
        text = f"its {task} ended {MAX_SUBMISSIONS} times without finishing it{reason}"
        self.end(run, store_failure(self.waiting[run], settings, "error", "TaskDied", text, 0.0))
