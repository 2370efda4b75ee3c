"""Compacting: one deterministic file a (task, method), fit to be committed. The same runs give the same bytes."""

import shutil
from collections.abc import Container
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from inrbench.errors import StoreError
from inrbench.store.artifacts import artifact_files, artifact_folder
from inrbench.store.read import one_attempt_a_run, read_runs
from inrbench.store.write import write_atomically


def compact(results: Path, target: Path, tasks: Container[str] | None = None, artifacts: bool = False) -> dict[Path, int]:
    """Merge the runs of a results folder into ``target/<task>/<method>.parquet``; return each file's number of runs.

    What ``target`` already holds stays, unless the same run has a newer attempt. ``tasks`` limits which are merged;
    ``artifacts``: what the merged runs left is copied too.
    Raises StoreError for a results folder that is not there, a target that cannot be written, or a file on either side that
    cannot be read: nothing is overwritten whose content is unknown.
    """
    new = _all_runs(results)
    held = [_all_runs(target)] if target.is_dir() else []
    table = one_attempt_a_run(pa.concat_tables([*held, new]))
    pairs = zip(new["task"].to_pylist(), new["method"].to_pylist(), strict=True)
    written = {}
    for task, method in sorted(pair for pair in set(pairs) if tasks is None or pair[0] in tasks):
        rows = table.filter(pc.and_(pc.equal(table["task"], task), pc.equal(table["method"], method)))
        path = target / task / f"{method}.parquet"
        write_atomically(rows.combine_chunks(), path, compression_level=9)
        written[path] = rows.num_rows
        if artifacts:
            _copy_artifacts(rows, results, target)
    return written


def _copy_artifacts(rows: pa.Table, results: Path, target: Path) -> None:
    artifact_folder(target).mkdir(exist_ok=True)
    for held in rows["artifacts"].to_pylist():
        for path in artifact_files(results, held).values():
            shutil.copyfile(path, artifact_folder(target) / path.name)


def _all_runs(folder: Path) -> pa.Table:
    read = read_runs(folder)
    for path, reason in read.unreadable.items():
        raise StoreError(f"{path} cannot be read ({reason}); repair or remove it first")
    return read.table
