"""Send runs to trackers from a thread, so that a slow server delays nothing."""

import math
import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from inrbench.store import read_attempts
from inrbench.trackers.load import check_trackers, load_tracker, missing_tracker
from inrbench.trackers.run import tracked_run
from inrbench.trackers.tracker import Tracker

CLOSE_SECONDS = 60.0
"""Seconds that trackers get to finish at the end of a command."""


class Sender:
    """Sends the stored rows of runs to trackers, each tracker in a thread of its own.

    Args:
        names: Names of the trackers.
        results: The results folder.

    Raises:
        UnknownName: There is no such tracker.
    """

    def __init__(self, names: Sequence[str], results: Path) -> None:
        check_trackers(names)
        self._threads = [_TrackerThread(name, results) for name in dict.fromkeys(names)]
        for thread in self._threads:
            thread.start()

    def send(self, run_id: str) -> None:
        """Send a run whose row is stored. Returns at once."""
        for thread in self._threads:
            thread.runs.put(run_id)

    def close(self, patience: float = CLOSE_SECONDS) -> list[str]:
        """Wait until all runs are sent, and return notes on what could not be sent.

        Args:
            patience: Seconds to wait at most.
        """
        limit = time.monotonic() + patience
        for thread in self._threads:
            thread.runs.put(None)
        for thread in self._threads:
            thread.join(None if math.isinf(limit) else max(0.0, limit - time.monotonic()))
        return [note for thread in self._threads for note in thread.notes(patience)]


class _TrackerThread(threading.Thread):
    """Makes a tracker and sends runs to it. It ends with the program even if a server does not answer."""

    def __init__(self, name: str, results: Path) -> None:
        super().__init__(name=f"tracker {name}", daemon=True)
        self.runs: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._tracker_name, self._results = name, results
        self._failures: Counter[str] = Counter()

    def run(self) -> None:
        tracker: Tracker | None = None
        while run_ids := self._waiting_runs():
            try:
                tracker = tracker or load_tracker(self._tracker_name, self._results)
                rows = read_attempts(self._results, run_ids)
            except (Exception, SystemExit) as error:
                self._failures[missing_tracker(self._tracker_name, error)] += len(run_ids)
                continue
            for row in rows:
                try:
                    tracker.log(tracked_run(row, self._results))
                except (Exception, SystemExit) as error:
                    self._failures[missing_tracker(self._tracker_name, error)] += 1
        if tracker is not None:
            try:
                tracker.close()
            except (Exception, SystemExit) as error:
                self._failures[missing_tracker(self._tracker_name, error)] += 1

    def _waiting_runs(self) -> set[str]:
        """Return all runs that are waiting to be sent; wait for the first. Empty if there will be no more.

        They are read together: reading a large results folder once per run would take minutes.
        """
        found = set[str]()
        while not found or not self.runs.empty():
            run = self.runs.get()
            if run is None:
                self.runs.put(None)  # seen again after these runs have been sent
                return found
            found.add(run)
        return found

    def notes(self, patience: float) -> list[str]:
        """Return what could not be sent."""
        name, again = self._tracker_name, "send stored runs with: inrbench results track --log"
        found = [
            f"{message}; {n} run(s) were not sent, but are stored; {again} {name}" for message, n in self._failures.items()
        ]
        if self.is_alive():
            found.append(f"--log {name}: it did not finish within {patience:.0f} s; {again} {name}")
        return found
