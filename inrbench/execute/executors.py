"""Executors, which carry out jobs: functions ``(request, observer) -> completed``, found by entry point name.

A package declares its executor in pyproject.toml: ``[project.entry-points."inrbench.executors"]``. An executor must make sure
that every job ends in a row of the store (``run_local`` does, wherever it is called) and report to the observer. It returns
False if it was interrupted.
"""

from collections.abc import Callable
from importlib.metadata import entry_points

from inrbench.errors import BrokenPlugin, unknown_name
from inrbench.execute.job import ExecutionRequest, ProgressObserver

GROUP = "inrbench.executors"
Executor = Callable[[ExecutionRequest, ProgressObserver], bool]


def load_executor(name: str) -> Executor:
    """Return the executor with this name. Raises UnknownName, or BrokenPlugin if it cannot be imported."""
    found = {each.name: each for each in entry_points(group=GROUP)}
    if name not in found:
        raise unknown_name("executor", name, found, "packages can add executors with the entry point group inrbench.executors")
    try:
        executor: Executor = found[name].load()
    except Exception as error:
        raise BrokenPlugin(f"executor '{name}' cannot be imported: {type(error).__name__}: {error}") from error
    return executor
