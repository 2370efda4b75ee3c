"""Starter files: a method, a task, a package of methods. They run without changes."""

from inrbench.scaffold.write import new_method, new_package, new_task

__all__ = ["new_method", "new_package", "new_task"]
