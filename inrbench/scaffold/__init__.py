"""Starter files: a method, a task, a package of methods. They run without changes."""

from inrbench.scaffold.write import SOURCES, new_method, new_package, new_task

__all__ = ["SOURCES", "new_method", "new_package", "new_task"]
