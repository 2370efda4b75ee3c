"""What is registered here under the names of a store, which may come from elsewhere: nothing, or a plugin that is broken."""

from collections.abc import Callable, Container
from typing import TypeVar

from inrbench.errors import InrbenchError
from inrbench.registry import Method, Registry, Task

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
