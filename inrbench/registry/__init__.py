"""Find plugins by name: built-in folders, installed entry points and the user's files. Listing does not run them."""

from inrbench.registry.discover import Declaration, Source, declarations
from inrbench.registry.grid import Selection, parse_selection
from inrbench.registry.method import Method, register_method
from inrbench.registry.registry import Registry
from inrbench.registry.task import ProblemSize, Task, register_task

__all__ = [
    "Declaration",
    "Method",
    "ProblemSize",
    "Registry",
    "Selection",
    "Source",
    "Task",
    "declarations",
    "parse_selection",
    "register_method",
    "register_task",
]
