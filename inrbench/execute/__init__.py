"""From what a user asks to finished runs: plan, estimate, and carry out, each run in a process of its own."""

from inrbench.execute.device import resolve_device
from inrbench.execute.estimate import Estimate, estimate
from inrbench.execute.job import Job, Outcome, PoolSettings
from inrbench.execute.local import default_workers, run_local
from inrbench.execute.plan import Plan, Request, make_plan

__all__ = [
    "Estimate",
    "Job",
    "Outcome",
    "Plan",
    "PoolSettings",
    "Request",
    "default_workers",
    "estimate",
    "make_plan",
    "resolve_device",
    "run_local",
]
