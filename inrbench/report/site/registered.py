"""What is registered here under the names of a store, which may come from elsewhere: nothing, or a plugin that is broken."""

from collections.abc import Callable, Container, Iterable
from typing import TypeVar

from inrbench.analyse import Leaderboard
from inrbench.errors import InrbenchError
from inrbench.registry import Method, Registry, Task
from inrbench.report.site import urls

Plugin = TypeVar("Plugin")


def task_of(name: str, registry: Registry) -> Task | None:
    """Return a task, or None if it is not registered here or its file cannot be loaded."""
    return _loaded(name, registry.tasks, registry.task)


def method_of(name: str, registry: Registry) -> Method | None:
    """Return a method, or None if it is not registered here or its file cannot be loaded."""
    return _loaded(name, registry.methods, registry.method)


def _loaded(name: str, registered: Container[str], load: Callable[[str], Plugin]) -> Plugin | None:
    if name not in registered:
        return None
    try:
        return load(name)
    except InrbenchError:
        return None


def closed_form_methods(leaderboards: Iterable[Leaderboard], registry: Registry) -> set[str]:
    """Return the methods of tables that are solved in closed form."""
    names = {urls.method_of(row.label) for leaderboard in leaderboards for row in leaderboard.rows}
    return {name for name in names if (method := method_of(name, registry)) is not None and method.closed_form}
