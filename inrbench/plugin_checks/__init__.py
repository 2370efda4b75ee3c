"""Checks of a plugin, one property at a time, with advice. Built-in plugins and your own get the same checks."""

from inrbench.plugin_checks.base import CheckResult
from inrbench.plugin_checks.method import check_method
from inrbench.plugin_checks.task import check_task

__all__ = [
    "CheckResult",
    "check_method",
    "check_task",
]
