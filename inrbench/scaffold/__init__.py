"""Files to begin with: a method, a task, a package of methods. What they hold runs as it is."""

from inrbench.scaffold.write import new_method, new_package, new_task

__all__ = ["new_method", "new_package", "new_task"]
