"""Carry out the user's requests, from the command line or from Python, and report to an observer."""

from inrbench.runner.observer import QuietObserver, RunObserver
from inrbench.runner.report import EXIT_INTERRUPTED, RunReport
from inrbench.runner.runner import run, run_requests

__all__ = ["EXIT_INTERRUPTED", "QuietObserver", "RunObserver", "RunReport", "run", "run_requests"]
