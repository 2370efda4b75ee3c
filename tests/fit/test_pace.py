"""The time that is left of a fit."""

import pytest

from inrbench.fit.pace import Pace
from inrbench.spec import Progress


class Time:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def progress(pace: Pace, step: int, steps: int) -> Progress:
    return Progress(step, steps, 0.5, 0.5, pace.seconds_per_step(step), *pace.evaluation_seconds())


def test_at_no_step_do_evaluations_change_the_expected_length_of_a_run():
    """1,000 steps of 0.01 s, 10 evaluations of 10 s that are close together at the start: 110 s in all."""
    time, points = Time(), {1, 2, 5, 10, 22, 46, 100, 215, 464, 1000}
    pace = Pace(0, len(points), now=time)
    for step in range(1, 1001):
        time.seconds += 0.01
        made = progress(pace, step, 1000)
        evaluated = sum(point < step for point in points)
        assert made.seconds_per_step == pytest.approx(0.01)
        if evaluated:
            assert made.seconds_in_all == pytest.approx(110)
            assert made.seconds_left == pytest.approx(110 - 0.01 * step - 10 * evaluated)
        if step in points:
            with pace.evaluating():
                time.seconds += 10
    assert progress(pace, 1000, 1000).seconds_left == 0


def test_a_continued_run_knows_its_earlier_evaluations_but_times_only_its_own_steps():
    time = Time()
    pace = Pace(50, 3, (4, 20.0), now=time)
    time.seconds += 20
    made = progress(pace, 60, 100)
    assert made.seconds_per_step == pytest.approx(2)
    assert made.seconds_left == pytest.approx(2 * 40 + 3 * 5)
    assert made.seconds_in_all == pytest.approx(2 * 100 + 7 * 5)


def test_nothing_is_expected_of_evaluations_before_the_first_one():
    time = Time()
    pace = Pace(0, 3, now=time)
    time.seconds += 4
    assert pace.evaluation_seconds() == (0, 0)
    assert progress(pace, 4, 8).seconds_left == pytest.approx(4)
