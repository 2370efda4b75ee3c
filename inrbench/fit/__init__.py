"""How a problem is fitted: the loop, the step with its two engines, the schedule, and the clock and memory meter around it."""

from inrbench.fit.clock import Clock
from inrbench.fit.loop import Diverged, Fitted, fit
from inrbench.fit.memory import MemoryMeter
from inrbench.fit.precision import DTYPES
from inrbench.fit.predictor import Predictor
from inrbench.fit.preflight import look_over
from inrbench.fit.probes import DEAD, PROBES, activation_outputs, probe_names, read_probes
from inrbench.fit.profile import SpeedCard, random_regression, speed_card
from inrbench.fit.route import Route, fastest_fp32_route
from inrbench.fit.schedule import learning_rate, log_spaced_steps
from inrbench.fit.step import Engine, FastStep, ReferenceStep, Step, StepFacts, activation_bytes, gradient_in_chunks, make_step
from inrbench.fit.work import Work, work_per_point

__all__ = [
    "DEAD",
    "DTYPES",
    "PROBES",
    "Clock",
    "Diverged",
    "Engine",
    "FastStep",
    "Fitted",
    "MemoryMeter",
    "Predictor",
    "ReferenceStep",
    "Route",
    "SpeedCard",
    "Step",
    "StepFacts",
    "Work",
    "activation_bytes",
    "activation_outputs",
    "fastest_fp32_route",
    "fit",
    "gradient_in_chunks",
    "learning_rate",
    "log_spaced_steps",
    "look_over",
    "make_step",
    "probe_names",
    "random_regression",
    "read_probes",
    "speed_card",
    "work_per_point",
]
