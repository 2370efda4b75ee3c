"""A request carried out and told as it goes, whichever door it came through: the command line or Python."""

from inrbench.runner.run import EXIT_INTERRUPTED, run_requests

__all__ = [
    "EXIT_INTERRUPTED",
    "run_requests",
]
