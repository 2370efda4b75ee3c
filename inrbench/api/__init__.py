"""inrbench from Python: run methods, of a notebook too, and look at what came out."""

from inrbench.api.entry import run
from inrbench.api.results import Leaderboards, Results

__all__ = ["Leaderboards", "Results", "run"]
