"""The interface of a tracker."""

from typing import Protocol

from inrbench.trackers.run import TrackedRun


class Tracker(Protocol):
    """Sends runs to an experiment tracker. It is made with the path of the results folder as its only argument.

    A package declares it in pyproject.toml: ``[project.entry-points."inrbench.trackers"]``.
    """

    def log(self, run: TrackedRun) -> None:
        """Send a run that has ended: its curve, final metrics and pictures. The same attempt may be sent again.

        Raises any exception if that is not possible: the message is shown, and the other runs are tried too.
        """

    def close(self) -> None:
        """Finish sending."""
