"""Find trackers by entry point name."""

from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from inrbench.errors import InrbenchError, unknown_name
from inrbench.trackers.tracker import Tracker

GROUP = "inrbench.trackers"


def tracker_names() -> list[str]:
    """Return the names of all trackers, whether their packages are installed or not."""
    return sorted(_entry_points())


def check_trackers(names: Collection[str]) -> None:
    """Raise UnknownName for the first name that no tracker has."""
    if names:
        _find(names)


def load_tracker(name: str, results: Path) -> Tracker:
    """Return a tracker for a results folder.

    Args:
        name: Name of the tracker.
        results: The results folder.

    Raises:
        UnknownName: There is no such tracker.
        Exception: Whatever the tracker raises, such as ImportError if its package is not installed.
    """
    (found,) = _find([name])
    tracker: Tracker = found.load()(results)
    return tracker


def missing_tracker(name: str, error: BaseException) -> str:
    """Return what to tell the user if a tracker cannot be used."""
    if isinstance(error, ImportError):
        return f"--log {name}: it is not installed ({error}); pip install 'inrbench[{name}]'"
    if isinstance(error, InrbenchError):
        return f"--log {name}: {error}"
    return f"--log {name}: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def _find(names: Collection[str]) -> list[EntryPoint]:
    """Return the entry points of trackers. Raises UnknownName for the first name that no tracker has."""
    known = _entry_points()
    for name in names:
        if name not in known:
            raise unknown_name("tracker", name, known, "packages can add trackers with the entry point group inrbench.trackers")
    return [known[name] for name in names]


def _entry_points() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=GROUP)}
