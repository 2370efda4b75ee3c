"""Verifying: every file of a results folder held against what its name and its own columns say."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from inrbench.store.artifacts import HASH_LETTERS, artifact_folder
from inrbench.store.read import attempt_files, read_files
from inrbench.store.schema import IDENTITY, spec_of
from inrbench.store.write import is_packed, packed_name, store_folder

COLUMNS = [*IDENTITY, "status", "artifacts"]


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what is wrong with which file."""

    files: int
    attempts: int
    artifacts: int
    faults: dict[Path, str]


def verify(results: Path) -> Verified:
    """Look at every file of a results folder. Raises StoreError if there is no such folder."""
    faults: dict[Path, str] = {}
    attempts, artifacts, store = 0, dict[str, str](), store_folder(results)
    files = attempt_files(results)
    for path in files:
        table, unreadable = read_files([path], COLUMNS)
        faults.update(unreadable)
        if unreadable:
            continue
        attempts += table.num_rows
        if store in path.parents and (fault := next(_faults_of_names(path, table), None)):
            faults[path] = fault
        for row in table.select(COLUMNS).to_pylist():
            if fault := _fault_of_identity(row):
                faults.setdefault(path, fault)
            artifacts.update({each["file"]: row["run_id"] for each in row["artifacts"] or ()})
    for name, run_id in artifacts.items():
        path = artifact_folder(results) / name
        if not path.is_file():
            faults[path] = f"is gone, which run {run_id[:10]} left"
        else:
            with path.open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest()[:HASH_LETTERS] != path.stem:
                    faults[path] = "does not hold what its name says"
    return Verified(len(files), attempts, len(artifacts), faults)


def _faults_of_names(path: Path, table: pa.Table) -> Iterator[str]:
    """Yield what a file of the store is called and should not be."""
    if is_packed(path):
        if path.name != packed_name(path.read_bytes()):
            yield "does not hold what its name says: its content has another digest"
    else:
        row = table.slice(0, 1).to_pylist()[0] if table.num_rows else {}
        told = [row.get(name) for name in ("run_id", "attempt_id", "status")]
        if table.num_rows != 1 or path.name.split(".")[:-1] != told:
            yield "does not hold the attempt that its name says"


def _fault_of_identity(row: dict[str, Any]) -> str | None:
    if row["engine"] is None or row["track"] is None:  # of the first version, which had fewer columns
        return None
    try:
        true = spec_of(row).run_id
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        return f"holds a run that cannot be understood: {error}"
    return None if true == row["run_id"] else f"holds run {row['run_id'][:10]}, whose columns are those of run {true[:10]}"
