"""Find trackers by entry point name."""

from collections.abc import Collection
from importlib.metadata import entry_points
from pathlib import Path

from inrbench.errors import InrbenchError, unknown_name
from inrbench.trackers.tracker import Tracker

GROUP = "inrbench.trackers"


def tracker_names() -> list[str]:
    """Return the names of all trackers, whether their packages are installed or not."""
    return sorted(each.name for each in entry_points(group=GROUP))


def check_trackers(names: Collection[str]) -> None:
    """Raise UnknownName for the first name that no tracker has."""
    known = tracker_names() if names else []
    for name in names:
        if name not in known:
            raise unknown_name("tracker", name, known, "packages can add trackers with the entry point group inrbench.trackers")


def load_tracker(name: str, results: Path) -> Tracker:
    """Return a tracker for a results folder.

    Args:
        name: Name of the tracker.
        results: The results folder.

    Raises:
        UnknownName: There is no such tracker.
        Exception: Whatever the tracker raises, such as ImportError if its package is not installed.
    """
    check_trackers([name])
    found = {each.name: each for each in entry_points(group=GROUP)}
    tracker: Tracker = found[name].load()(results)
    return tracker


def missing_tracker(name: str, error: BaseException) -> str:
    """Return what to tell the user if a tracker cannot be used."""
    if isinstance(error, ImportError):
        return f"--log {name}: it is not installed ({error}); pip install 'inrbench[{name}]'"
    if isinstance(error, InrbenchError):
        return f"--log {name}: {error}"
    return f"--log {name}: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
