"""What a plugin must keep to, checked one thing at a time, with advice: the same checks for built-in plugins and yours."""

from inrbench.plugin_checks.base import CheckResult
from inrbench.plugin_checks.method import check_method
from inrbench.plugin_checks.task import check_task

__all__ = [
    "CheckResult",
    "check_method",
    "check_task",
]
