"""From what a user asks to finished runs: plan, estimate, and carry out, each run in a process of its own."""

from inrbench.execute.device import resolve_device
from inrbench.execute.estimate import Estimate, estimate
from inrbench.execute.job import Artifacts, Job, Outcome, PoolSettings
from inrbench.execute.local import default_workers, run_local
from inrbench.execute.plan import Plan, Request, make_plan
from inrbench.execute.stored import revive, stored_run

__all__ = [
    "Artifacts",
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
    "revive",
    "run_local",
    "stored_run",
]
