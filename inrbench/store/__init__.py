"""The store: a folder of immutable Parquet files, one per attempt, to which any number of processes may add."""

from inrbench.store.artifacts import artifact_error, artifact_files, artifact_folder, keep_artifacts
from inrbench.store.bucket_leases import can_lease, lease_in_bucket
from inrbench.store.checkpoints import checkpoint_path, checkpoints
from inrbench.store.compact import MergeResult, compact_in_place, export_compact, import_attempts
from inrbench.store.environment import GPU_ELSEWHERE, Environment, code_state, environment, nvidia_driver, physical_cores
from inrbench.store.leases import Lease, active_leases, lease, progress_of
from inrbench.store.migrate import migrate
from inrbench.store.mirror import Mirror, is_remote, keep_synced, open_mirror
from inrbench.store.orphans import orphans, remove_orphans
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
from inrbench.store.remote import MARK, claims_mirror, display_name, mirror_of
from inrbench.store.schema import IDENTITY, LEGACY_DEFAULTS, SCHEMA, Attempt, new_attempt_id, spec_of
from inrbench.store.submitted import SUBMITTED, add_submission, submitted_methods, verified_attempts
from inrbench.store.verify import VerifyResult, verify
from inrbench.store.write import append, check_writable

__all__ = [
    "GPU_ELSEWHERE",
    "IDENTITY",
    "LEGACY_DEFAULTS",
    "MARK",
    "SCHEMA",
    "SUBMITTED",
    "Attempt",
    "Environment",
    "Lease",
    "MergeResult",
    "Mirror",
    "StoreRead",
    "VerifyResult",
    "active_leases",
    "add_submission",
    "append",
    "artifact_error",
    "artifact_files",
    "artifact_folder",
    "attempt_files",
    "attempts_of",
    "can_lease",
    "check_writable",
    "checkpoint_path",
    "checkpoints",
    "claims_mirror",
    "code_state",
    "compact_in_place",
    "display_name",
    "environment",
    "export_compact",
    "finished_runs",
    "import_attempts",
    "is_remote",
    "keep_artifacts",
    "keep_synced",
    "lease",
    "lease_in_bucket",
    "load_results",
    "migrate",
    "mirror_of",
    "new_attempt",
    "new_attempt_id",
    "newly_finished",
    "nvidia_driver",
    "open_mirror",
    "orphans",
    "physical_cores",
    "probed_runs",
    "progress_of",
    "read_attempts",
    "read_runs",
    "remove_orphans",
    "spec_of",
    "stored_run",
    "submitted_methods",
    "verified_attempts",
    "verify",
]
