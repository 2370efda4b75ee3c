"""The time that a command still needs: the estimate of its plan, corrected by what its runs show."""

import math
import time

from inrbench.execute import Job, RunOutcome
from inrbench.planning import Estimate
from inrbench.spec import Progress


class Remaining:
    """Estimates how long the runs of a command still take.

    Runs that are being carried out are extrapolated from their steps. Runs that have not begun take as long as estimated, times
    the mean factor by which the others were slower or faster than estimated.

    Args:
        jobs: The runs of the plan.
        estimate: Their estimate.
        workers: Number of runs at a time; None if another executor decides that.
    """

    def __init__(self, jobs: list[Job], estimate: Estimate, workers: int | None) -> None:
        self._ranges = {job.spec.run_id: each for job, each in zip(jobs, estimate.ranges, strict=True)}
        self._workers = workers
        self._waiting = set(self._ranges)
        self._running: dict[str, tuple[float, Progress]] = {}
        self._factors: list[float] = []

    def started(self, job: Job) -> None:
        """Record the start of a run."""
        self._running[job.spec.run_id] = (time.monotonic(), Progress())
        self._waiting.discard(job.spec.run_id)

    def progress(self, job: Job, progress: Progress) -> None:
        """Record the progress of a run."""
        if job.spec.run_id in self._running:
            self._running[job.spec.run_id] = (self._running[job.spec.run_id][0], progress)

    def finished(self, job: Job, outcome: RunOutcome) -> None:
        """Record the end of a run."""
        run = job.spec.run_id
        _, progress = self._running.pop(run, (0.0, Progress()))
        self._waiting.discard(run)
        if outcome.status == "interrupted":  # it continues later from where it is
            low, high = self._ranges[run]
            self._ranges[run] = (low * (1 - progress.fraction), high * (1 - progress.fraction))
            self._waiting.add(run)
        middle = self._middle(run)
        if outcome.status == "ok" and middle and outcome.wall_seconds:
            self._factors.append(outcome.wall_seconds / middle)

    def seconds(self) -> tuple[float, float] | None:
        """Return the shortest and the longest time that is expected, in seconds; None if it is not known."""
        ranges = [self._ranges[run] for run in self._waiting]
        if any(high == 0 for _, high in ranges) or (not ranges and not self._running):
            return None
        factors = self._factors + self._current_factors()
        if factors:
            factor = sum(factors) / len(factors)
            spread = max(0.1, (max(factors) - min(factors)) / 2 / factor)
            total = factor * sum(math.sqrt(a * b) for a, b in ranges)
            low, high = total / (1 + spread), total * (1 + spread)
        else:
            low, high = sum(a for a, _ in ranges), sum(b for _, b in ranges)
        rest = [self._rest(run) for run in self._running]
        workers = self._workers or max(1, len(self._running))
        longest = max((b for _, b in rest), default=0.0)
        low = max((low + sum(a for a, _ in rest)) / workers, max((a for a, _ in rest), default=0.0))
        high = max((high + sum(b for _, b in rest)) / workers, longest)
        return low, high

    def _middle(self, run: str) -> float:
        low, high = self._ranges[run]
        return math.sqrt(low * high)

    def _rest(self, run: str) -> tuple[float, float]:
        """Return the time that a run still needs: from its steps, or from the estimate before its first step."""
        begun, progress = self._running[run]
        left = progress.seconds_left
        if math.isfinite(left):
            return 0.9 * left, 1.1 * left
        spent = time.monotonic() - begun
        low, high = self._ranges[run]
        return max(0.0, low - spent), max(0.0, high - spent)

    def _current_factors(self) -> list[float]:
        """Return how much slower than estimated the current runs are, for those that have taken a tenth of their steps."""
        found = []
        for run, (_, progress) in self._running.items():
            middle = self._middle(run)
            if progress.fraction >= 0.1 and middle and math.isfinite(progress.seconds_in_all):
                found.append(progress.seconds_in_all / middle)
        return found
