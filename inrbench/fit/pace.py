"""How long the steps that are left of a fit will take."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Pace:
    """Times the steps and the evaluations of a fit separately.

    The points of a learning curve are close together at the beginning. The mean time since the start would therefore predict
    hours for a run of minutes whose evaluations are slow.

    Args:
        first: Number of steps that had been taken when the time starts.
        steps: Number of steps of the run.
        points: Number of points of the learning curve that are still to come.
        now: Clock, in seconds.
    """

    def __init__(self, first: int, steps: int, points: int, now: Callable[[], float] = time.monotonic) -> None:
        self._first, self._steps, self._points_left, self._now = first, steps, points, now
        self._started, self._evaluating, self._evaluated = now(), 0.0, 0

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Time the block as the evaluation of one point of the learning curve."""
        begin = self._now()
        yield
        self._evaluating += self._now() - begin
        self._evaluated += 1
        self._points_left -= 1

    def seconds_per_step(self, step: int) -> float:
        """Return the expected seconds of each step after ``step``, with its share of the evaluations that are left.

        Args:
            step: Number of steps taken, more than when the time started.
        """
        seconds = (self._now() - self._started - self._evaluating) / (step - self._first)
        if self._evaluated and step < self._steps:
            seconds += self._evaluating / self._evaluated * self._points_left / (self._steps - step)
        return seconds
