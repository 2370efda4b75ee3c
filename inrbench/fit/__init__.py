"""How a problem is fitted: the loop, its schedule, and the clock and memory meter around it."""

from inrbench.fit.clock import Clock
from inrbench.fit.flops import flops_per_point
from inrbench.fit.loop import Diverged, Fitted, fit, predictor
from inrbench.fit.memory import MemoryMeter
from inrbench.fit.schedule import learning_rate, log_spaced_steps

__all__ = [
    "Clock",
    "Diverged",
    "Fitted",
    "MemoryMeter",
    "fit",
    "flops_per_point",
    "learning_rate",
    "log_spaced_steps",
    "predictor",
]
