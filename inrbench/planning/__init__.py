"""Turn a request into a plan: which runs it means, which are stored already, how each is trained, and how long it takes."""

from inrbench.planning.device import resolve_device
from inrbench.planning.estimate import Estimate, estimate
from inrbench.planning.plan import Plan, Recipe, Request, make_plan, select_methods

__all__ = ["Estimate", "Plan", "Recipe", "Request", "estimate", "make_plan", "resolve_device", "select_methods"]
