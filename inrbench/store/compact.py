"""Compaction: one deterministic file per (task, method). The same runs give the same bytes.

``export_compact`` copies the runs that count to another folder, ready to be committed. ``compact_in_place`` merges all
attempts in their own folder. One file per attempt suits runs that finish one by one, but thousands of files are slow to read.
"""

import itertools
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inrbench.errors import StoreError
from inrbench.spec import name_error
from inrbench.store.artifacts import copy_artifacts
from inrbench.store.files import is_regular, sweep, write_atomically
from inrbench.store.identical import conflicting_ids, duplicates
from inrbench.store.read import (
    FILE,
    UNREADABLE,
    Pair,
    attempts_that_count,
    pairs_by_file,
    read_all_attempts,
    read_files,
    read_pair,
    store_files,
    stored_attempts,
)
from inrbench.store.row_checks import row_error
from inrbench.store.schema import READ_SCHEMA, SCHEMA
from inrbench.store.write import attempt_folder, compacted_name, parquet_bytes

COMPRESSION_LEVEL = 9


@dataclass
class MergeResult:
    """The files that were written and those that were refused.

    Args:
        written: Number of rows of each file that was written.
        refused: Reason for each file that was refused.
        left_out: Number of attempts that were skipped.
    """

    written: dict[Path, int] = field(default_factory=dict)
    refused: dict[Path, str] = field(default_factory=dict)
    left_out: int = 0
    """Number of attempts whose runs already had an ``ok`` attempt here."""


def export_compact(results: Path, target: Path, tasks: Container[str] | None = None, artifacts: bool = False) -> MergeResult:
    """Merge the runs of a results folder into ``target/<task>/<method>.parquet``.

    Runs that are already in ``target`` stay there, unless the same run has a newer attempt. Files of the results folder that
    cannot be read, and rows whose task or method is not a valid name, are refused. The others are merged.

    Args:
        results: The results folder.
        target: The folder of published results.
        tasks: The tasks to merge; None for all.
        artifacts: Whether to copy the artifacts of the merged runs too.

    Raises:
        StoreError: A folder does not exist or cannot be written, or the target contains a file that cannot be read. A file
            whose content is unknown is never overwritten.
    """
    for folder in (results, target):
        sweep(folder)
    merged = MergeResult()
    new, merged_refused = pairs_by_file(results)
    merged.refused.update(merged_refused)
    sources = [(results, new)]
    if target != results and target.is_dir():
        published, unreadable = pairs_by_file(target)
        _refuse(unreadable)
        sources.insert(0, (target, published))
    pairs = sorted({pair for pairs in new.values() for pair in pairs if tasks is None or pair[0] in tasks})
    _refuse_like_names(pairs)
    for task, method in pairs:
        if why := name_error(task) or name_error(method):
            merged.refused.update({path: why for path, pairs in new.items() if (task, method) in pairs})
            continue
        rows = attempts_that_count(
            pa.concat_tables([read_pair(folder, (task, method), known).table for folder, known in sources])
        )
        path = target / task / f"{method}.parquet"
        write_atomically(parquet_bytes(rows.combine_chunks(), COMPRESSION_LEVEL), path)
        merged.written[path] = rows.num_rows
        if artifacts:
            merged.refused.update(copy_artifacts(rows.select(["artifacts"]).to_pylist(), results, target))
    return merged


def _refuse_like_names(pairs: Iterable[Pair]) -> None:
    """Raise StoreError for names that differ only in case: on many file systems they are the same file."""
    seen: dict[Pair, Pair] = {}
    for pair in pairs:
        task, method = pair
        other = seen.setdefault((task.lower(), method.lower()), pair)
        if other != pair:
            raise StoreError(
                f"{'/'.join(other)} and {'/'.join(pair)} differ only in case: they cannot be two files; rename one"
            )


def compact_in_place(results: Path) -> dict[Path, int]:
    """Merge the attempts of each (task, method) of a store into one file; return the number of attempts in each new file.

    Folders with nothing to merge are left unchanged. So are files that cannot be read, that have unknown columns, or that
    contain an attempt which another file stores with different content.
    Other processes may read, write and compact at the same time, and any of them may be killed. The merged file is complete
    before the first of its sources is removed, its name is the digest of its content, and an attempt that is stored twice
    counts once. Raises StoreError if the store cannot be read or written.
    """
    sweep(results)
    written = {}
    for folder, files in _by_folder(store_files(results)):
        known = [path for path in files if _has_known_columns(path)]
        if len(known) < 2:
            continue
        table, unreadable = read_files(known, [*SCHEMA.names, FILE.name])
        apart = unreadable.keys() | _in_conflict(table)
        rows = table.filter(pc.invert(_any_of(table[FILE.name], map(str, apart))))
        if len(known) - len(apart) < 2:
            continue
        path, n_attempts = _write_compacted(rows.select(SCHEMA.names), folder)
        for merged in known:
            if merged not in apart and merged != path:
                merged.unlink(missing_ok=True)
        written[path] = n_attempts
    return written


def _in_conflict(table: pa.Table) -> set[Path]:
    """Return the files with an attempt that another row stores with different content."""
    twice = table.filter(_any_of(table["attempt_id"], duplicates(table["attempt_id"].to_pylist())))
    odd = conflicting_ids(twice.select(SCHEMA.names))
    claims = zip(twice["attempt_id"].to_pylist(), twice[FILE.name].to_pylist(), strict=True)
    return {Path(file) for attempt, file in claims if attempt in odd}


def _any_of(column: pa.ChunkedArray, values: Iterable[str]) -> pa.ChunkedArray:
    return pc.is_in(column, value_set=pa.array(list(values), pa.string()))


def _by_folder(files: Iterable[Path]) -> Iterable[tuple[Path, list[Path]]]:
    for folder, members in itertools.groupby(sorted(files, key=lambda path: (path.parent, path)), key=lambda path: path.parent):
        yield folder, list(members)


def _has_known_columns(path: Path) -> bool:
    """Return whether a file has only columns that this version knows."""
    try:
        return is_regular(path) and set(pq.read_schema(path).names) <= set(READ_SCHEMA.names)
    except UNREADABLE:
        return False


def import_attempts(other: Path, results: Path) -> MergeResult:
    """Add the attempts of another results folder, unchanged, together with their artifacts.

    The other folder may come from an untrusted source. Before a row is written, its run id is recomputed and every column is
    checked; before an artifact is written, its digest is recomputed. What fails is refused and reported, and the rest is added.
    Times, machines and ids stay as they were recorded. Existing attempts and artifacts are not changed. If a run already has
    an ``ok`` attempt here, other attempts at it are left out.

    Raises:
        StoreError: A folder does not exist, or ``results`` cannot be written.
    """
    sweep(results)
    table, unreadable = read_all_attempts(other, [*SCHEMA.names, FILE.name])
    merged = MergeResult(refused=dict(unreadable))
    stored = stored_attempts(results)
    ended = set(stored.filter(pc.equal(stored["status"], "ok"))["run_id"].to_pylist())
    existing = set(stored["attempt_id"].to_pylist())
    conflicting = _conflicting_attempts(table.filter(_any_of(table["attempt_id"], existing)).select(SCHEMA.names), results)
    accepted = []
    for i, row in enumerate(table.to_pylist()):
        file = Path(row.pop(FILE.name))
        if row["attempt_id"] in conflicting:
            merged.refused.setdefault(file, f"contains attempt {row['attempt_id']}, which exists here with different content")
        elif row["attempt_id"] in existing:
            continue
        elif fault := row_error(row):
            merged.refused.setdefault(file, fault)
        elif row["run_id"] in ended:
            merged.left_out += 1
        else:
            accepted.append(i)
    new = table.select(SCHEMA.names).take(pa.array(accepted, pa.int64()))
    merged.refused.update(copy_artifacts(new.select(["artifacts"]).to_pylist(), other, results))
    for pair, rows in _by_pair(new):
        path, n_attempts = _write_compacted(rows, attempt_folder(results, *pair))
        merged.written[path] = n_attempts
    return merged


def _conflicting_attempts(rows: pa.Table, results: Path) -> set[str]:
    """Return the ids of attempts that a results folder stores with different content than these rows."""
    if not rows.num_rows:
        return set()
    stored, _ = read_all_attempts(results, SCHEMA.names)
    return conflicting_ids(
        pa.concat_tables([rows, stored.filter(_any_of(stored["attempt_id"], rows["attempt_id"].to_pylist()))])
    )


def _write_compacted(table: pa.Table, folder: Path) -> tuple[Path, int]:
    """Write each attempt of a table once to one file in a folder of the store; return the file and its number of rows."""
    order = table.select(["run_id", "attempt_id"]).to_pandas()
    rows = order.drop_duplicates("attempt_id").sort_values(["run_id", "attempt_id"]).index
    content = parquet_bytes(table.take(pa.array(rows)).combine_chunks(), COMPRESSION_LEVEL)
    path = folder / compacted_name(content)
    write_atomically(content, path)
    return path, len(rows)


def _by_pair(table: pa.Table) -> Iterable[tuple[Pair, pa.Table]]:
    """Yield each (task, method) with its rows, sorted by name."""
    for task, method in sorted(set(zip(table["task"].to_pylist(), table["method"].to_pylist(), strict=True))):
        yield (task, method), table.filter(pc.and_(pc.equal(table["task"], task), pc.equal(table["method"], method)))


def _refuse(unreadable: dict[Path, str]) -> None:
    for path, reason in unreadable.items():
        raise StoreError(f"{path} cannot be read ({reason}); repair or remove it first")
