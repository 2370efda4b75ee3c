"""Who carries out jobs. An executor is a function ``(work, observer) -> completed``, found by its entry point's name.

A package that offers one declares it in its pyproject.toml: ``[project.entry-points."inrbench.executors"]``. It must see to it
that every job ends in a row of the store (``run_local`` does, wherever it is called), and tell the listener; it returns False
if it was interrupted.
"""

from collections.abc import Callable
from importlib.metadata import entry_points

from inrbench.errors import BrokenPlugin, unknown_name
from inrbench.execute.job import ExecutionRequest, ProgressObserver

GROUP = "inrbench.executors"
Executor = Callable[[ExecutionRequest, ProgressObserver], bool]


def load_executor(name: str) -> Executor:
    """Return an executor. Raises UnknownName, or BrokenPlugin where it cannot be imported."""
    found = {each.name: each for each in entry_points(group=GROUP)}
    if name not in found:
        raise unknown_name("executor", name, found, "packages add some by the entry point inrbench.executors")
    try:
        executor: Executor = found[name].load()
    except Exception as error:
        raise BrokenPlugin(f"executor '{name}' cannot be imported: {type(error).__name__}: {error}") from error
    return executor
