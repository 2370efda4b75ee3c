"""Metrics: one module per family of metrics. Every module-level ``Metric`` in this package is a built-in metric.

To add one, write a function and a ``Metric`` in a module of this package, and list its id in a protocol. A task plugin can
define its own metrics in ``Task.metrics``. Modules of this package do not import torch at module level.
"""

import pkgutil
from functools import cache
from importlib import import_module

from inrbench.errors import BadValue
from inrbench.spec import Metric


@cache
def builtin_metrics() -> dict[str, Metric]:
    """Return the metrics of this package by id. Raises BadValue if two have the same id."""
    modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found: dict[str, Metric] = {}
    for metric in (value for module in modules for value in vars(module).values() if isinstance(value, Metric)):
        if found.setdefault(metric.id, metric) is not metric:
            raise BadValue(f"two metrics in inrbench/metrics have the id '{metric.id}'; rename one")
    return found


__all__ = ["builtin_metrics"]
