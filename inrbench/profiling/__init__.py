"""Measure the speed and memory of one training step: timing, table and stored record."""

from inrbench.profiling.record import append_profile
from inrbench.profiling.table import speed_rows, speed_table
from inrbench.profiling.timing import StepTiming, profiled_step_mode, random_regression, time_steps

__all__ = ["StepTiming", "append_profile", "profiled_step_mode", "random_regression", "speed_rows", "speed_table", "time_steps"]
