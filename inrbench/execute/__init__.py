"""Carry out jobs, locally or on a cluster. Each run has its own process and ends in one stored row."""

from inrbench.execute.executors import load_executor
from inrbench.execute.job import (
    CHECKPOINT_SECONDS,
    Artifacts,
    ExecutionRequest,
    ExecutionSettings,
    Job,
    NullObserver,
    ProgressObserver,
    RunOutcome,
)
from inrbench.execute.limits import refuse_unsupported_limit
from inrbench.execute.local import run_local, workers_for

__all__ = [
    "CHECKPOINT_SECONDS",
    "Artifacts",
    "ExecutionRequest",
    "ExecutionSettings",
    "Job",
    "NullObserver",
    "ProgressObserver",
    "RunOutcome",
    "load_executor",
    "refuse_unsupported_limit",
    "run_local",
    "workers_for",
]
