"""Turn a request into a plan: its runs, which of them are stored already, how each is trained, and how long it takes."""

from inrbench.planning.device import resolve_device
from inrbench.planning.duration import parse_duration
from inrbench.planning.estimate import Estimate, estimate
from inrbench.planning.options import Order, RunOptions
from inrbench.planning.plan import Plan, make_plan, plan_all, select_methods
from inrbench.planning.request import Recipe, Request

__all__ = [
    "Estimate",
    "Order",
    "Plan",
    "Recipe",
    "Request",
    "RunOptions",
    "estimate",
    "make_plan",
    "parse_duration",
    "plan_all",
    "resolve_device",
    "select_methods",
]
