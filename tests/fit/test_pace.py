"""The time that is left of a fit."""

import pytest

from inrbench.fit.pace import Pace


class Time:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_evaluations_close_together_at_the_start_do_not_lengthen_the_steps_that_are_left():
    time = Time()
    pace = Pace(0, 100, 10, now=time)
    for step in range(1, 5):
        time.seconds += 2
        if step in (1, 2, 4):
            with pace.evaluating():
                time.seconds += 10
    assert pace.seconds_per_step(4) * 96 == pytest.approx(96 * 2 + 7 * 10)


def test_only_steps_since_a_run_was_continued_count():
    time = Time()
    pace = Pace(50, 100, 3, now=time)
    time.seconds += 20
    assert pace.seconds_per_step(60) == pytest.approx(2)


def test_after_the_last_step_nothing_is_left_to_share():
    time = Time()
    pace = Pace(0, 4, 1, now=time)
    time.seconds += 4
    with pace.evaluating():
        time.seconds += 3
    assert pace.seconds_per_step(4) == pytest.approx(1)
