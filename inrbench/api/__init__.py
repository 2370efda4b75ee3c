"""Use inrbench from Python: run methods, also from a notebook, and show the results."""

from inrbench.api.entry import run
from inrbench.api.network import LoadedNetwork, load_network
from inrbench.api.results import Leaderboards, Results

__all__ = ["Leaderboards", "LoadedNetwork", "Results", "load_network", "run"]
