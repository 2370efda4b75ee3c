"""What is registered here under the names of a store, which may come from elsewhere: nothing, or a plugin that is broken."""

from collections.abc import Iterable

from inrbench.analyse import Leaderboard
from inrbench.errors import InrbenchError
from inrbench.registry import Method, Registry, Task
from inrbench.report.site import urls


def task_of(name: str, registry: Registry) -> Task | None:
    """Return a task, or None if it is not registered here or its file cannot be loaded."""
    if name not in registry.tasks:
        return None
    try:
        return registry.task(name)
    except InrbenchError:
        return None


def method_of(name: str, registry: Registry) -> Method | None:
    """Return a method, or None if it is not registered here or its file cannot be loaded."""
    if name not in registry.methods:
        return None
    try:
        return registry.method(name)
    except InrbenchError:
        return None


def closed_form_methods(leaderboards: Iterable[Leaderboard], registry: Registry) -> set[str]:
    """Return the methods of tables that are solved in closed form."""
    names = {urls.method_of(row.label) for leaderboard in leaderboards for row in leaderboard.rows}
    return {name for name in names if (method := method_of(name, registry)) is not None and method.closed_form}
