"""The store: a folder of immutable Parquet files, one an attempt, that any number of processes may add to."""

from inrbench.store.artifacts import artifact_files, artifact_folder, fault_of_artifact, keep_artifacts
from inrbench.store.bucket_leases import can_lease, leased_in_bucket
from inrbench.store.compact import Merged, compact, merge, pack
from inrbench.store.environment import Environment, code_state, environment, physical_cores
from inrbench.store.leases import Lease, leased, living
from inrbench.store.migrate import migrate
from inrbench.store.mirror import Mirror, is_remote, kept_in_step, open_mirror
from inrbench.store.orphans import orphans, remove_orphans
from inrbench.store.profiles import append_profile
from inrbench.store.read import (
    StoreRead,
    attempt_files,
    attempts_of,
    finished_runs,
    load_results,
    new_attempt,
    newly_finished,
    probed_runs,
    read_attempts,
    read_runs,
    stored_run,
)
from inrbench.store.remote import MARK, claims_mirror, mirror_of, named
from inrbench.store.schema import BEFORE, IDENTITY, SCHEMA, Attempt, new_attempt_id, spec_of
from inrbench.store.verify import Verified, verify
from inrbench.store.write import append, check_writable

__all__ = [
    "BEFORE",
    "IDENTITY",
    "MARK",
    "SCHEMA",
    "Attempt",
    "Environment",
    "Lease",
    "Merged",
    "Mirror",
    "StoreRead",
    "Verified",
    "append",
    "append_profile",
    "artifact_files",
    "artifact_folder",
    "attempt_files",
    "attempts_of",
    "can_lease",
    "check_writable",
    "claims_mirror",
    "code_state",
    "compact",
    "environment",
    "fault_of_artifact",
    "finished_runs",
    "is_remote",
    "keep_artifacts",
    "kept_in_step",
    "leased",
    "leased_in_bucket",
    "living",
    "load_results",
    "merge",
    "migrate",
    "mirror_of",
    "named",
    "new_attempt",
    "new_attempt_id",
    "newly_finished",
    "open_mirror",
    "orphans",
    "pack",
    "physical_cores",
    "probed_runs",
    "read_attempts",
    "read_runs",
    "remove_orphans",
    "spec_of",
    "stored_run",
    "verify",
]
