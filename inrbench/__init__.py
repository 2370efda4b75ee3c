"""inrbench: a benchmark suite and leaderboard harness for implicit neural representations.

This package exports what plugin authors need: ``CoordinateMLP``, ``NetworkSpec`` and ``register_method`` for a method;
``Task``, ``Protocol`` and ``register_task`` for a task. It also exports ``run`` for use from Python, ``load_results`` to
read the store, and ``load_network`` for a stored network.
Names are resolved on first use, so that ``import inrbench`` and ``inrbench list`` do not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inrbench.api import LoadedNetwork as LoadedNetwork
    from inrbench.api import Results as Results
    from inrbench.api import load_network as load_network
    from inrbench.api import run as run
    from inrbench.nn import CoordinateMLP as CoordinateMLP
    from inrbench.registry import Task as Task
    from inrbench.registry import register_method as register_method
    from inrbench.registry import register_task as register_task
    from inrbench.runner import QuietObserver as QuietObserver
    from inrbench.spec import Metric as Metric
    from inrbench.spec import NetworkSpec as NetworkSpec
    from inrbench.spec import Protocol as Protocol
    from inrbench.store import load_results as load_results

__version__ = "0.1.0"

_HOME = {
    "CoordinateMLP": "inrbench.nn",
    "LoadedNetwork": "inrbench.api",
    "Metric": "inrbench.spec",
    "NetworkSpec": "inrbench.spec",
    "Protocol": "inrbench.spec",
    "QuietObserver": "inrbench.runner",
    "Results": "inrbench.api",
    "Task": "inrbench.registry",
    "load_network": "inrbench.api",
    "load_results": "inrbench.store",
    "register_method": "inrbench.registry",
    "register_task": "inrbench.registry",
    "run": "inrbench.api",
}

__all__ = [
    "CoordinateMLP",
    "LoadedNetwork",
    "Metric",
    "NetworkSpec",
    "Protocol",
    "QuietObserver",
    "Results",
    "Task",
    "__version__",
    "load_network",
    "load_results",
    "register_method",
    "register_task",
    "run",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'inrbench' has no attribute '{name}'")
