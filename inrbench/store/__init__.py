"""The store: a folder of immutable Parquet files, one an attempt, that any number of processes may add to."""

from inrbench.store.artifacts import artifact_files, artifact_folder, keep_artifacts
from inrbench.store.compact import compact
from inrbench.store.environment import Environment, code_state, environment, physical_cores
from inrbench.store.profiles import append_profile
from inrbench.store.read import StoreRead, finished_runs, load_results, probed_runs, read_runs
from inrbench.store.schema import SCHEMA, Attempt
from inrbench.store.write import append, check_writable

__all__ = [
    "SCHEMA",
    "Attempt",
    "Environment",
    "StoreRead",
    "append",
    "append_profile",
    "artifact_files",
    "artifact_folder",
    "check_writable",
    "code_state",
    "compact",
    "environment",
    "finished_runs",
    "keep_artifacts",
    "load_results",
    "physical_cores",
    "probed_runs",
    "read_runs",
]
