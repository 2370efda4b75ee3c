"""Experiment trackers: TensorBoard, MLflow, Weights & Biases, and those of other packages.

A tracker receives runs from the store after they have ended. It therefore never takes training time, and a tracker that fails
loses nothing: ``inrbench results track`` sends stored runs again.
"""

from inrbench.trackers.load import check_trackers, load_tracker, missing_tracker, tracker_names
from inrbench.trackers.run import TrackedRun, tracked_run
from inrbench.trackers.sender import Sender
from inrbench.trackers.tracker import Tracker

__all__ = [
    "Sender",
    "TrackedRun",
    "Tracker",
    "check_trackers",
    "load_tracker",
    "missing_tracker",
    "tracked_run",
    "tracker_names",
]
