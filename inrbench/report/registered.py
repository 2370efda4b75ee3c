"""What is registered here under the names of a store, which may come from elsewhere: nothing, or a plugin that is broken."""

from collections.abc import Callable, Container
from functools import cache
from typing import TypeVar

from inrbench.errors import InrbenchError
from inrbench.registry import Method, Registry, Task
from inrbench.spec import Protocol, ProtocolLabel

Plugin = TypeVar("Plugin")


def task_of(name: str, registry: Registry) -> Task | None:
    """Return a task, or None if it is not registered here or its file cannot be loaded."""
    return _loaded(name, registry.tasks, registry.task)


def method_of(name: str, registry: Registry) -> Method | None:
    """Return a method, or None if it is not registered here or its file cannot be loaded."""
    return _loaded(name, registry.methods, registry.method)


def known_protocol(task: Task, name: str, fingerprint: str) -> Protocol | None:
    """Return the protocol of a label such as ``quick+epochs=600`` if it is still the one with this fingerprint.

    Args:
        task: The task.
        name: The label.
        fingerprint: Fingerprint of the runs.
    """
    try:
        label = ProtocolLabel.parse(name)
        protocol = task.protocol(label.name).with_changes(label.changes)
    except InrbenchError:
        return None
    return protocol if protocol.fingerprint(task.name, task.version) == fingerprint else None


@cache
def is_present(task: str, protocol: str, fingerprint: str) -> bool:
    """Return whether a fingerprint is that of the present edition of a protocol; also for tasks that are not built in.

    Args:
        task: Name of the task.
        protocol: Label of the protocol.
        fingerprint: Fingerprint of the runs.
    """
    found = task_of(task, _builtin())
    return found is None or known_protocol(found, protocol, fingerprint) is not None


@cache
def _builtin() -> Registry:
    return Registry()


def _loaded(name: str, registered: Container[str], load: Callable[[str], Plugin]) -> Plugin | None:
    if name not in registered:
        return None
    try:
        return load(name)
    except InrbenchError:
        return None
