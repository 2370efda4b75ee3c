"""How long a fit takes: its steps and the points of its learning curve, timed separately."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Pace:
    """Times the steps and the evaluations of a fit.

    The points of a learning curve are close together at the beginning. The mean time since the start would therefore predict
    hours for a run of minutes whose evaluations are slow.

    Args:
        first: Number of steps that had been taken when the time starts.
        points: Number of points of the learning curve that are still to come.
        earlier: Number and seconds of the evaluations before the run was continued.
        now: Clock, in seconds.
    """

    def __init__(
        self, first: int, points: int, earlier: tuple[int, float] = (0, 0.0), now: Callable[[], float] = time.monotonic
    ) -> None:
        self._first, self._left, self._now = first, points, now
        self._evaluated, self._seconds = earlier
        self._started, self._here = now(), 0.0

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Time the block as the evaluation of one point of the learning curve."""
        begin = self._now()
        yield
        spent = self._now() - begin
        self._here += spent
        self._seconds += spent
        self._evaluated += 1
        self._left -= 1

    def seconds_per_step(self, step: int) -> float:
        """Return the mean seconds of a step, without evaluations.

        Args:
            step: Number of steps taken, more than when the time started.
        """
        return (self._now() - self._started - self._here) / (step - self._first)

    def evaluation_seconds(self) -> tuple[float, float]:
        """Return the expected seconds of the evaluations still to come, and of all; zero before the first one."""
        mean = self._seconds / self._evaluated if self._evaluated else 0.0
        return mean * self._left, mean * (self._evaluated + self._left)
