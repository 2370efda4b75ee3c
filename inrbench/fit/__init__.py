"""Fit a network to a problem: training loop, step engines, schedule, clock and memory meter."""

from inrbench.fit.checkpoint import Checkpoints, Interrupted
from inrbench.fit.clock import Clock
from inrbench.fit.fp32 import fp32_settings, refuse_changed_fp32, restore_fp32
from inrbench.fit.loop import Diverged, FitResult, curve_points_of, fit
from inrbench.fit.matmul import MatmulBackend, fp32_backend
from inrbench.fit.memory import MemoryMeter, allocate_workspaces, keep_freed_memory
from inrbench.fit.op_count import OpCount, count_ops
from inrbench.fit.precision import DTYPES
from inrbench.fit.predictor import Predictor
from inrbench.fit.preflight import check_network
from inrbench.fit.probes import DEAD, PROBES, activation_outputs, probe_names, read_probes
from inrbench.fit.schedule import curve_steps, learning_rate, log_spaced_steps
from inrbench.fit.step import Engine, FastStep, ReferenceStep, Step, StepFacts, activation_bytes, gradient_in_chunks, make_step
from inrbench.fit.training_hooks import TrainingHooks

__all__ = [
    "DEAD",
    "DTYPES",
    "PROBES",
    "Checkpoints",
    "Clock",
    "Diverged",
    "Engine",
    "FastStep",
    "FitResult",
    "Interrupted",
    "MatmulBackend",
    "MemoryMeter",
    "OpCount",
    "Predictor",
    "ReferenceStep",
    "Step",
    "StepFacts",
    "TrainingHooks",
    "activation_bytes",
    "activation_outputs",
    "allocate_workspaces",
    "check_network",
    "count_ops",
    "curve_points_of",
    "curve_steps",
    "fit",
    "fp32_backend",
    "fp32_settings",
    "gradient_in_chunks",
    "keep_freed_memory",
    "learning_rate",
    "log_spaced_steps",
    "make_step",
    "probe_names",
    "read_probes",
    "refuse_changed_fp32",
    "restore_fp32",
]
