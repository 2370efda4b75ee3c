"""Reading: every attempt below a folder, in the current schema, reduced to one attempt per run."""

import logging
import os
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from inrbench.errors import BadValue, NothingFound, StoreError
from inrbench.limits import MAX_RESULTS_BYTES, MAX_TABLE_BYTES
from inrbench.spec import name_error
from inrbench.store.artifacts import artifact_folder, is_artifact_name
from inrbench.store.files import LINK, is_regular, raise_unless_gone
from inrbench.store.read_guard import check_expanded_size, check_footer, check_rows, memory_cap
from inrbench.store.remote import display_name
from inrbench.store.schema import READ_SCHEMA, RENAMED_COLUMNS, SCHEMA, SELECTION_COLUMNS, VERSION
from inrbench.store.write import attempt_folder, is_compacted, is_single_attempt, store_folder

log = logging.getLogger(__name__)
Pair = tuple[str, str]
"""Task and method."""
FILE = pa.field("__filename", pa.string())
"""The column with the file that a row was read from."""
FILES_PER_CHUNK = 500
"""Number of files that are open at once: the metadata of each takes a quarter of a MiB until all are read."""
NON_TASK_FOLDERS = frozenset({"store", "artifacts", "tuned", "leases", "submissions", "profile", "pictures", "checkpoints"})
"""Folders in a results folder that are not folders of tasks."""
LISTINGS = 5
"""Largest number of times a folder is listed again while files in it are being merged."""
UNREADABLE = (pa.ArrowException, OSError, ValueError, MemoryError)


@dataclass(frozen=True)
class StoreRead:
    """The content of a results folder.

    Args:
        table: One row per run.
        unreadable: The files that could not be read, with the reason.
    """

    table: pa.Table
    unreadable: dict[Path, str]


def attempt_files(results: Path) -> list[Path]:
    """Return the Parquet files of a results folder: those of its store, and published ones (``task/method.parquet``).

    Files that are being written (their names begin with a dot) are skipped. Raises StoreError if the folder does not exist.
    """
    if not results.is_dir():
        raise StoreError(f"no results folder '{results}'. Make one with: inrbench run --suite quick --results {results}")
    return [*store_files(results), *published_files(results)]


def store_files(results: Path) -> list[Path]:
    """Return the Parquet files in the store of a results folder; an empty list if there is no store."""
    return _parquet_below(store_folder(results))


def published_files(results: Path) -> list[Path]:
    """Return the Parquet files of a results folder that are outside its store: ``task/method.parquet``.

    Deeper folders are not searched: the folder ``results`` of a checkout contains ``results/published``, which is a results
    folder of its own. In a folder without a store, files directly in it count too.
    """
    names = sorted(results.iterdir())
    alone = [] if store_folder(results).is_dir() else [path for path in names if _is_parquet(path.name)]
    tasks = [
        path for path in names if name_error(path.name) is None and path.name not in NON_TASK_FOLDERS and path not in alone
    ]
    folders = [path for path in tasks if path.is_dir() and not path.is_symlink()]
    return [*alone, *(path for folder in folders for path in sorted(folder.iterdir()) if _is_parquet(path.name))]


def finished_runs(results: Path) -> dict[str, str]:
    """Return a dict from run id to status: ``ok`` if any attempt in the results folder was, otherwise that of the newest.

    The name of a single-attempt file contains both; only compacted files are opened.
    """
    return _statuses(stored_attempts(results))


def attempts_of(results: Path, run_ids: Collection[str]) -> list[str]:
    """Return the ids of all attempts at the given runs."""
    if not run_ids:
        return []
    attempts = stored_attempts(results)
    chosen = attempts.filter(pc.is_in(attempts["run_id"], value_set=pa.array(run_ids, pa.string())))
    found: list[str] = chosen["attempt_id"].to_pylist()
    return found


def newly_finished(results: Path, known: Collection[str]) -> dict[str, str]:
    """Return a dict from run id to status of all attempts except those whose ids are in ``known``.

    Ids are compared and not times: the clocks of two machines differ, and a clock may be set back.
    """
    return _statuses(stored_attempts(results, known))


def new_attempt(results: Path, task: str, method: str, run_id: str, known: Collection[str]) -> dict[str, Any] | None:
    """Return the row of one run if there is an attempt at it that is not known, otherwise None.

    Only the folder of this task and method is searched.

    Args:
        results: The results folder.
        task: Name of the task.
        method: Name of the method.
        run_id: Id of the run.
        known: Ids of the attempts that are known.
    """
    folder = attempt_folder(results, task, method)
    if run_id not in _statuses(stored_attempts(folder, known)):
        return None
    return next(iter(read_attempts(folder, {run_id})), None)


def read_attempts(results: Path, run_ids: Container[str]) -> list[dict[str, Any]]:
    """Return the rows of the given runs: for each run, the attempt that counts."""

    def may_hold(path: Path) -> bool:
        return not is_single_attempt(path) or path.name.partition(".")[0] in run_ids

    _, table, _ = _read(results, SCHEMA.names, only=may_hold)
    rows = [i for i, run_id in enumerate(table["run_id"].to_pylist()) if run_id in run_ids]
    found: list[dict[str, Any]] = attempts_that_count(table.take(pa.array(rows, pa.int64()))).to_pylist()
    return found


def stored_attempts(folder: Path, known: Collection[str] = ()) -> pa.Table:
    """Return run, id and status of all attempts below a folder except the known ones; empty if there is no such folder yet."""
    if not folder.exists():
        return pa.schema([SCHEMA.field(name) for name in SELECTION_COLUMNS]).empty_table()
    files, compacted, unreadable = _read(folder, SELECTION_COLUMNS, only=lambda path: not is_single_attempt(path))
    for path, reason in unreadable.items():
        log.warning("skipped %s: %s", path, reason)
    parts = [path.name.split(".")[:3] for path in files if is_single_attempt(path)]
    single = pa.table({name: pa.array([each[i] for each in parts], pa.string()) for i, name in enumerate(SELECTION_COLUMNS)})
    attempts = pa.concat_tables([compacted, single])
    return attempts.filter(pc.invert(pc.is_in(attempts["attempt_id"], value_set=pa.array(known, pa.string()))))


def _statuses(attempts: pa.Table) -> dict[str, str]:
    counted = attempts_that_count(attempts)
    return dict(zip(counted["run_id"].to_pylist(), counted["status"].to_pylist(), strict=True))


def read_runs(results: Path, columns: Iterable[str] | None = None) -> StoreRead:
    """Return one row per run of a results folder: the newest ``ok`` attempt, otherwise the newest one.

    ``columns`` limits what is read (the columns that select attempts are always read). Unreadable files are listed in the
    result and raise no error.
    """
    names = [*dict.fromkeys([*SELECTION_COLUMNS, *columns])] if columns is not None else SCHEMA.names
    _, table, unreadable = _read(results, names)
    return StoreRead(attempts_that_count(table), unreadable)


def pairs_by_file(results: Path) -> tuple[dict[Path, set[Pair]], dict[Path, str]]:
    """Return the (task, method) pairs of each file of a results folder, and why some files could not be read."""
    names = [FILE.name, "task", "method"]
    _, table, unreadable = _read(results, names)
    pairs: dict[Path, set[Pair]] = {}
    for file, task, method in zip(*(column.to_pylist() for column in table.group_by(names).aggregate([])), strict=True):
        pairs.setdefault(Path(file), set()).add((task, method))
    return pairs, unreadable


def read_pair(results: Path, pair: Pair, pairs: Mapping[Path, Container[Pair]]) -> StoreRead:
    """Return one row per run of a task and method.

    Args:
        results: The results folder.
        pair: The task and the method.
        pairs: The (task, method) pairs of each file, as ``pairs_by_file`` returns them. Files that are not in it are all read.
    """
    _, table, unreadable = _read(results, SCHEMA.names, only=lambda path: path not in pairs or pair in pairs[path])
    task, method = pair
    rows = table.filter(pc.and_(pc.equal(table["task"], task), pc.equal(table["method"], method)))
    return StoreRead(attempts_that_count(rows), unreadable)


def stored_run(results: Path, run: str) -> dict[str, Any]:
    """Return the row of a run, given its id or the beginning of its id.

    Raises NothingFound if no run matches, and BadValue if several do.
    """
    table = read_runs(results).table
    rows = table.filter(pc.starts_with(table["run_id"], run)).to_pylist()
    if not rows:
        raise NothingFound(
            f"no run '{run}' in '{display_name(results)}'; all ids: inrbench results list --results {display_name(results)}"
        )
    if len(rows) > 1:
        raise BadValue(f"{len(rows)} runs in '{results}' begin with '{run}': give more characters of the id")
    return rows[0]


def probed_runs(results: Path, probes: Sequence[str]) -> set[str]:
    """Return the runs for which all of these probes were read; an empty set if there is no store yet."""
    if not results.exists():
        return set()
    frame = read_runs(results, ["run_id", "probes"]).table.to_pandas()
    wanted = set(probes)
    has = frame["probes"].map(lambda readings: readings is not None and wanted <= {r["probe"] for r in readings})
    return set(frame.loc[has.astype(bool), "run_id"])


def attempts_that_count(table: pa.Table) -> pa.Table:
    """Return the rows that count, sorted by run: for each run the newest ``ok`` attempt, otherwise the newest one."""
    order = table.select(SELECTION_COLUMNS).to_pandas()
    order["ok"] = order["status"] == "ok"
    chosen = order.sort_values(["run_id", "ok", "attempt_id"]).drop_duplicates("run_id", keep="last")
    return table.take(pa.array(chosen.index))


def load_results(
    results: str | Path = "results", table: Literal["runs", "metrics", "curves", "probes", "artifacts"] = "runs"
) -> pd.DataFrame:
    """Return the results of a folder as a pandas DataFrame.

    Args:
        results: The results folder.
        table: The table to return. ``runs``: one row per run, with one column per metric id in addition to the stored
            columns. ``metrics``: one row per (run, metric). ``curves``: one row per point of a learning curve; ``value`` is the
            primary metric. ``probes``: one row per reading of a probe. ``artifacts``: one row per stored file, with its
            ``path``.

    Raises:
        StoreError: The folder does not exist or cannot be read.
    """
    read = read_runs(Path(results))
    frame = read.table.to_pandas()
    for path, reason in read.unreadable.items():
        log.warning("skipped %s: %s", path, reason)
    keys = frame.drop(columns=["metrics", "curve", "probes", "artifacts"])
    if table == "runs":
        values = pd.DataFrame([{m["id"]: m["value"] for m in metrics} for metrics in frame["metrics"]], index=frame.index)
        return keys.join(values.astype(float))
    nested = {"curves": "curve"}.get(table, table)
    long = frame[["run_id", nested]].explode(nested).dropna(subset=[nested])
    items = pd.DataFrame(list(long[nested]), index=long.index)
    if table == "artifacts":
        folder = artifact_folder(Path(results))
        items["path"] = [str(folder / file) if is_artifact_name(file) else None for file in items.get("file", ())]
    return keys.drop(columns=items.columns, errors="ignore").join(items, how="inner").reset_index(drop=True)


def _parquet_below(folder: Path) -> list[Path]:
    """Return the Parquet files below a folder, except those being written. Raises StoreError if the folder cannot be read."""
    found = []
    for path, folders, files in os.walk(folder, onerror=raise_unless_gone, followlinks=False) if folder.exists() else ():
        names = filter(_is_parquet, (*files, *folders))
        found += [Path(path) / name for name in names]
    return sorted(found)


def _is_parquet(name: str) -> bool:
    return name.endswith(".parquet") and not name.startswith(".")


def _steady_listing(results: Path) -> list[Path]:
    """Return the files of a results folder, listed again until no compacted file appears or disappears between two listings.

    Files may be merged while others read. One listing alone could miss both the new file, if it was created in a part that was
    already listed, and the old ones.
    """
    listed = attempt_files(results)
    for _ in range(LISTINGS):
        earlier, listed = listed, attempt_files(results)
        if set(filter(is_compacted, earlier)) == set(filter(is_compacted, listed)):
            break
    return listed


def _read(
    results: Path, columns: list[str], only: Callable[[Path], bool] = lambda path: True
) -> tuple[list[Path], pa.Table, dict[Path, str]]:
    """Return all files, the rows of the chosen ones, and why some could not be read. Files merged meanwhile are read again."""
    for _ in range(LISTINGS):
        files = _steady_listing(results)
        table, unreadable = read_files([path for path in files if only(path)], columns)
        if all(path.exists() for path in unreadable):
            break
    return files, table, unreadable


def read_all_attempts(results: Path, columns: list[str]) -> tuple[pa.Table, dict[Path, str]]:
    """Return the rows of all attempts in a results folder, and why some files could not be read.

    Files that are merged meanwhile are read again. Raises StoreError if the folder does not exist.
    """
    _, table, unreadable = _read(results, columns)
    return table, unreadable


def read_files(files: list[Path], columns: list[str]) -> tuple[pa.Table, dict[Path, str]]:
    """Return all rows of some files, and why some could not be read. Files are read together, or one by one if that fails."""
    fields = [FILE if name == FILE.name else SCHEMA.field(name) for name in columns]
    tables, unreadable = [pa.schema(fields).empty_table()], dict[Path, str]()
    for start in range(0, len(files), FILES_PER_CHUNK):
        part = files[start : start + FILES_PER_CHUNK]
        if sum(table.nbytes for table in tables) > MAX_RESULTS_BYTES:
            raise StoreError(f"these results take more than {MAX_RESULTS_BYTES:,} bytes once they are read; split the folder")
        try:
            tables.append(_table(part, columns).combine_chunks())  # one chunk per file takes much more memory than the content
            continue
        except UNREADABLE:
            pass
        for file in part:
            try:
                tables.append(_table([file], columns))
            except MemoryError:
                unreadable[file] = f"takes more than {MAX_TABLE_BYTES:,} bytes of memory when it is read"
            except UNREADABLE as error:
                unreadable[file] = (str(error).splitlines() or [type(error).__name__])[0]
    return pa.concat_tables(tables), unreadable


def _table(files: list[Path], columns: list[str]) -> pa.Table:
    """Read files with the current schema.

    Raises one of UNREADABLE for files that cannot be read. This includes links, files that take too much memory, and rows that
    do not come from inrbench, lack a required column, or have a newer schema version.
    """
    for path in files:
        if not is_regular(path):
            raise OSError(f"'{path.name}' {LINK if path.is_symlink() else 'is a folder' if path.is_dir() else 'is not a file'}")
        check_footer(path)
    dataset = ds.dataset([str(file) for file in files], schema=READ_SCHEMA, format="parquet")
    for fragment in dataset.get_fragments():
        check_expanded_size(fragment.metadata)
    with memory_cap(MAX_TABLE_BYTES):
        return _checked(dataset, columns)


def _checked(dataset: ds.Dataset, columns: list[str]) -> pa.Table:
    old = [name for name, new in RENAMED_COLUMNS.items() if new in columns]
    table = dataset.to_table(columns=[*dict.fromkeys([*columns, "run_id", "schema_version", *old])])
    for name in old:
        new = RENAMED_COLUMNS[name]
        table = table.set_column(table.column_names.index(new), new, pc.coalesce(table[new], table[name]))
    if table["run_id"].null_count:
        raise ValueError("not a results file of inrbench: it has no run_id")
    newest = pc.max(table["schema_version"]).as_py()
    if newest is not None and newest > VERSION:
        raise ValueError(f"written by a newer inrbench: schema version {newest}, and this one knows {VERSION}")
    check_rows(table)
    return table.select(columns)
