"""Use inrbench from Python: run methods, also from a notebook, and show the results."""

from inrbench.api.entry import run
from inrbench.api.results import Leaderboards, Results

__all__ = ["Leaderboards", "Results", "run"]
