"""Compacting: one deterministic file a (task, method). The same runs give the same bytes.

``compact`` copies the runs that count elsewhere, fit to be committed. ``pack`` merges all attempts where they lie: a file each
is right while runs end one by one, and slow to read by the thousand.
"""

import itertools
import shutil
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inrbench.errors import StoreError
from inrbench.store.artifacts import artifact_files, artifact_folder
from inrbench.store.read import UNREADABLE, Pair, attempt_files, one_attempt_a_run, pairs_held, read_files, read_pair
from inrbench.store.schema import SCHEMA
from inrbench.store.write import as_parquet, attempt_folder, packed_name, store_folder, write_atomically

PACKING_LEVEL = 9


def compact(results: Path, target: Path, tasks: Container[str] | None = None, artifacts: bool = False) -> dict[Path, int]:
    """Merge the runs of a results folder into ``target/<task>/<method>.parquet``; return each file's number of runs.

    What ``target`` already holds stays, unless the same run has a newer attempt. ``tasks`` limits which are merged;
    ``artifacts``: what the merged runs left is copied too.
    Raises StoreError for a results folder that is not there, a target that cannot be written, or a file on either side that
    cannot be read: nothing is overwritten whose content is unknown.
    """
    held = [(folder, _pairs(folder)) for folder in (target, results) if folder == results or folder.is_dir()]
    written = {}
    for task, method in sorted({pair for pairs in held[-1][1].values() for pair in pairs}):
        if tasks is not None and task not in tasks:
            continue
        attempt_folder(target, task, method)  # refuses a name that leads out of the folder
        rows = one_attempt_a_run(pa.concat_tables([_runs_of(folder, (task, method), pairs) for folder, pairs in held]))
        path = target / task / f"{method}.parquet"
        write_atomically(as_parquet(rows.combine_chunks(), PACKING_LEVEL), path)
        written[path] = rows.num_rows
        if artifacts:
            _copy_artifacts(rows, results, target)
    return written


def pack(results: Path) -> dict[Path, int]:
    """Merge the attempts of each (task, method) of a store into one file there; return each file's number of attempts.

    Folders with nothing to merge are left alone, and so are files that cannot be read or hold columns that we do not know.
    Others may read, write and pack meanwhile, and any of them may die: the merged file is there and whole before the first of
    its sources goes, its name is the digest of its content, and an attempt that is held twice counts once. Raises StoreError.
    """
    written = {}
    store = store_folder(results)
    for folder, files in _by_folder(attempt_files(results) if store.exists() else ()):
        known = [path for path in files if _ours(path)]
        if len(known) < 2:
            continue
        table, unreadable = read_files(known, SCHEMA.names)
        path, n_attempts = _write_packed(table, folder)
        for merged in known:
            if merged not in unreadable and merged != path:
                merged.unlink(missing_ok=True)
        written[path] = n_attempts
    return written


def _by_folder(files: Iterable[Path]) -> Iterable[tuple[Path, list[Path]]]:
    for folder, members in itertools.groupby(sorted(files, key=lambda path: (path.parent, path)), key=lambda path: path.parent):
        yield folder, list(members)


def _ours(path: Path) -> bool:
    """Whether a file holds nothing but columns that we know."""
    try:
        return set(pq.read_schema(path).names) <= set(SCHEMA.names)
    except UNREADABLE:
        return False


def merge(other: Path, results: Path) -> dict[Path, int]:
    """Add the attempts of another results folder, as they are, with their artifacts; return each new file's attempts.

    Times, machines and ids stay those of whoever ran them. Attempts that are there already are left out.
    Raises StoreError, before anything is written, where a file of the other folder cannot be read.
    """
    table, unreadable = read_files(attempt_files(other), SCHEMA.names)
    _refuse(unreadable)
    held, _ = read_files(attempt_files(results) if store_folder(results).exists() else [], ["attempt_id"])
    new = table.filter(pc.invert(pc.is_in(table["attempt_id"], value_set=held["attempt_id"])))
    folders = [(attempt_folder(results, *pair), rows) for pair, rows in _by_pair(new)]
    _copy_artifacts(new, other, results)
    return dict(_write_packed(rows, folder) for folder, rows in folders)


def _copy_artifacts(rows: pa.Table, source: Path, target: Path) -> None:
    """Copy what runs left from one results folder to another."""
    artifact_folder(target).mkdir(parents=True, exist_ok=True)
    for held in rows["artifacts"].to_pylist():
        for path in artifact_files(source, held).values():
            shutil.copyfile(path, artifact_folder(target) / path.name)


def _write_packed(table: pa.Table, folder: Path) -> tuple[Path, int]:
    """Write the attempts of a table, each once, into one file of a folder of the store."""
    order = table.select(["run_id", "attempt_id"]).to_pandas()
    rows = order.drop_duplicates("attempt_id").sort_values(["run_id", "attempt_id"]).index
    content = as_parquet(table.take(pa.array(rows)).combine_chunks(), PACKING_LEVEL)
    path = folder / packed_name(content)
    write_atomically(content, path)
    return path, len(rows)


def _by_pair(table: pa.Table) -> Iterable[tuple[Pair, pa.Table]]:
    """Yield (task, method) and their rows, in order."""
    for task, method in sorted(set(zip(table["task"].to_pylist(), table["method"].to_pylist(), strict=True))):
        yield (task, method), table.filter(pc.and_(pc.equal(table["task"], task), pc.equal(table["method"], method)))


def _pairs(folder: Path) -> dict[Path, set[Pair]]:
    held, unreadable = pairs_held(folder)
    _refuse(unreadable)
    return held


def _runs_of(folder: Path, pair: Pair, held: Mapping[Path, Container[Pair]]) -> pa.Table:
    read = read_pair(folder, pair, held)
    _refuse(read.unreadable)
    return read.table


def _refuse(unreadable: dict[Path, str]) -> None:
    for path, reason in unreadable.items():
        raise StoreError(f"{path} cannot be read ({reason}); repair or remove it first")
