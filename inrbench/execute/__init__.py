"""From what a user asks to finished runs: plan, estimate, and carry out, each run in a process of its own."""

from inrbench.execute.device import resolve_device
from inrbench.execute.estimate import Estimate, estimate
from inrbench.execute.executors import load_executor
from inrbench.execute.job import Artifacts, Job, Listener, Outcome, PoolSettings, Work
from inrbench.execute.limits import refuse_unknown_limit
from inrbench.execute.local import run_local, workers_for
from inrbench.execute.plan import Plan, Request, make_plan
from inrbench.execute.revive import revive

__all__ = [
    "Artifacts",
    "Estimate",
    "Job",
    "Listener",
    "Outcome",
    "Plan",
    "PoolSettings",
    "Request",
    "Work",
    "estimate",
    "load_executor",
    "make_plan",
    "refuse_unknown_limit",
    "resolve_device",
    "revive",
    "run_local",
    "workers_for",
]
