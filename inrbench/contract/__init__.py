"""What a plugin must keep to, checked one thing at a time, with advice: the same checks for built-in plugins and yours."""

from inrbench.contract.bench import Verdict
from inrbench.contract.method import check_method
from inrbench.contract.task import check_task

__all__ = ["Verdict", "check_method", "check_task"]
