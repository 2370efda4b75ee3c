"""Measure the speed and memory of one training step: timing, table and stored record."""

from inrbench.profiling.record import append_profile
from inrbench.profiling.table import speed_rows, speed_table
from inrbench.profiling.timing import StepTiming, random_regression, time_steps, usual_step_mode

__all__ = ["StepTiming", "append_profile", "random_regression", "speed_rows", "speed_table", "time_steps", "usual_step_mode"]
