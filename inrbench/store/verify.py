"""Verification: every file of a results folder is checked against its name and its own columns."""

from dataclasses import dataclass
from pathlib import Path

from inrbench.store.artifacts import artifact_error, artifact_folder, is_artifact_name
from inrbench.store.read import attempt_files, read_files
from inrbench.store.row_checks import is_legacy, name_mismatch, row_error
from inrbench.store.schema import SCHEMA
from inrbench.store.write import store_folder


@dataclass(frozen=True)
class VerifyResult:
    """Numbers of checked files, attempts and artifacts, and the faults that were found.

    Args:
        files: Number of Parquet files.
        attempts: Number of attempts in them.
        artifacts: Number of artifacts that their rows list.
        faults: What is wrong with each faulty file.
        unchecked: Number of attempts of the first version, whose ids cannot be checked.
    """

    files: int
    attempts: int
    artifacts: int
    faults: dict[Path, str]
    unchecked: int = 0


def verify(results: Path) -> VerifyResult:
    """Check every file of a results folder. Raises StoreError if the folder does not exist."""
    faults: dict[Path, str] = {}
    attempts = unchecked = 0
    artifacts, store = dict[str, str](), store_folder(results)
    files = attempt_files(results)
    for path in files:
        table, unreadable = read_files([path], SCHEMA.names)
        faults.update(unreadable)
        if unreadable:
            continue
        attempts += table.num_rows
        if store in path.parents and (fault := name_mismatch(path.name, path, table)):
            faults[path] = fault
        for row in table.to_pylist():
            if is_legacy(row):
                unchecked += 1
            elif fault := row_error(row):
                faults.setdefault(path, fault)
            artifacts.update({each["file"]: row["run_id"] for each in row["artifacts"] or ()})
    for name, run_id in artifacts.items():
        if not is_artifact_name(name):
            faults[artifact_folder(results)] = f"cannot contain a file named {name!r}, which run {run_id[:10]} lists"
            continue
        path = artifact_folder(results) / name
        if not path.is_file():
            faults[path] = f"is gone; run {run_id[:10]} lists it"
        elif fault := artifact_error(path):
            faults[path] = fault
    return VerifyResult(len(files), attempts, len(artifacts), faults, unchecked)
