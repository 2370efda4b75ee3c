"""Reading: every attempt under a folder, with our schema, deduplicated to one attempt a run."""

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
from inrbench.store.files import LINK, is_regular, raise_unless_gone
from inrbench.store.read_guard import check_expanded_size, check_footer, check_rows, memory_cap
from inrbench.store.remote import display_name
from inrbench.store.schema import READ_SCHEMA, RENAMED_COLUMNS, SCHEMA, SELECTION_COLUMNS, VERSION
from inrbench.store.write import attempt_folder, is_compacted, is_single_attempt, store_folder

log = logging.getLogger(__name__)
Pair = tuple[str, str]
"""Task and method."""
FILE = pa.field("__filename", pa.string())
"""The column that tells where a row was read."""
AT_ONCE = 500
"""Files that are open together: what is known of each takes a quarter of a MiB until all are read."""
OWN_FOLDERS = frozenset({"store", "artifacts", "tuned", "leases", "submissions", "profile", "pictures"})
"""What lies in a results folder beside the folders of tasks."""
LISTINGS = 5
"""How often a folder is listed again while files are merged in it."""
UNREADABLE = (pa.ArrowException, OSError, ValueError, MemoryError)


@dataclass(frozen=True)
class StoreRead:
    """What a folder holds: one row a run, and the files that could not be read, with the reason."""

    table: pa.Table
    unreadable: dict[Path, str]


def attempt_files(results: Path) -> list[Path]:
    """Return the Parquet files of a results folder: those of its store, and published ones, ``task/method.parquet``.

    Files being written (their names begin with a dot) are passed over.
    Raises StoreError if there is no such folder.
    """
    if not results.is_dir():
        raise StoreError(f"no results folder '{results}'. Make one with: inrbench run --suite quick --results {results}")
    return [*store_files(results), *published_files(results)]


def store_files(results: Path) -> list[Path]:
    """Return the Parquet files of a results folder's store; none where there is no store."""
    return _parquet_below(store_folder(results))


def published_files(results: Path) -> list[Path]:
    """Return the Parquet files of a results folder that lie outside its store: ``task/method.parquet``.

    No deeper: the folder ``results`` of a checkout holds ``results/published``, which is a results folder of its own. In a
    folder without a store, files that lie directly in it count too.
    """
    names = sorted(results.iterdir())
    alone = [] if store_folder(results).is_dir() else [path for path in names if _is_parquet(path.name)]
    tasks = [path for path in names if name_error(path.name) is None and path.name not in OWN_FOLDERS and path not in alone]
    folders = [path for path in tasks if path.is_dir() and not path.is_symlink()]
    return [*alone, *(path for folder in folders for path in sorted(folder.iterdir()) if _is_parquet(path.name))]


def finished_runs(results: Path) -> dict[str, str]:
    """Return run_id -> status of what a results folder holds: ``ok`` if any attempt was, else that of the newest.

    Of a file that holds one attempt the name tells; only packed ones are opened.
    """
    return _statuses(stored_attempts(results))


def attempts_of(results: Path, run_ids: Collection[str]) -> list[str]:
    """Return the ids of all attempts at some runs."""
    if not run_ids:
        return []
    attempts = stored_attempts(results)
    chosen = attempts.filter(pc.is_in(attempts["run_id"], value_set=pa.array(run_ids, pa.string())))
    found: list[str] = chosen["attempt_id"].to_pylist()
    return found


def newly_finished(results: Path, known: Collection[str]) -> dict[str, str]:
    """Return run_id -> status of the attempts but those that are ``known``, by id.

    By id and not by time: the clocks of two machines differ, and a clock may be set back.
    """
    return _statuses(stored_attempts(results, known))


def new_attempt(results: Path, task: str, method: str, run_id: str, known: Collection[str]) -> dict[str, Any] | None:
    """Return the row of one run if an attempt at it is not known, else None; only where it would lie is looked."""
    folder = attempt_folder(results, task, method)
    if run_id not in _statuses(stored_attempts(folder, known)):
        return None
    return next(iter(read_attempts(folder, {run_id})), None)


def read_attempts(results: Path, run_ids: Container[str]) -> list[dict[str, Any]]:
    """Return the rows of runs, the attempt that counts of each."""

    def may_hold(path: Path) -> bool:
        return not is_single_attempt(path) or path.name.partition(".")[0] in run_ids

    _, table, _ = _read(results, SCHEMA.names, only=may_hold)
    rows = [i for i, run_id in enumerate(table["run_id"].to_pylist()) if run_id in run_ids]
    found: list[dict[str, Any]] = attempts_that_count(table.take(pa.array(rows, pa.int64()))).to_pylist()
    return found


def stored_attempts(folder: Path, known: Collection[str] = ()) -> pa.Table:
    """Return run, id and status of every attempt below a folder but those known; none where there is no such folder yet."""
    if not folder.exists():
        return pa.schema([SCHEMA.field(name) for name in SELECTION_COLUMNS]).empty_table()
    files, packed, unreadable = _read(folder, SELECTION_COLUMNS, only=lambda path: not is_single_attempt(path))
    for path, reason in unreadable.items():
        log.warning("skipped %s: %s", path, reason)
    parts = [path.name.split(".")[:3] for path in files if is_single_attempt(path)]
    display_name = pa.table(
        {name: pa.array([each[i] for each in parts], pa.string()) for i, name in enumerate(SELECTION_COLUMNS)}
    )
    attempts = pa.concat_tables([packed, display_name])
    return attempts.filter(pc.invert(pc.is_in(attempts["attempt_id"], value_set=pa.array(known, pa.string()))))


def _statuses(attempts: pa.Table) -> dict[str, str]:
    counted = attempts_that_count(attempts)
    return dict(zip(counted["run_id"].to_pylist(), counted["status"].to_pylist(), strict=True))


def read_runs(results: Path, columns: Iterable[str] | None = None) -> StoreRead:
    """Return one row a run under a results folder: the newest ``ok`` attempt, else the newest one.

    ``columns`` limits what is read (the columns that choose attempts are always read). Unreadable files are named, not fatal.
    """
    names = [*dict.fromkeys([*SELECTION_COLUMNS, *columns])] if columns is not None else SCHEMA.names
    _, table, unreadable = _read(results, names)
    return StoreRead(attempts_that_count(table), unreadable)


def pairs_by_file(results: Path) -> tuple[dict[Path, set[Pair]], dict[Path, str]]:
    """Return of which tasks and methods each file below a results folder holds rows, and why some files could not be read."""
    names = [FILE.name, "task", "method"]
    _, table, unreadable = _read(results, names)
    held: dict[Path, set[Pair]] = {}
    for file, task, method in zip(*(column.to_pylist() for column in table.group_by(names).aggregate([])), strict=True):
        held.setdefault(Path(file), set()).add((task, method))
    return held, unreadable


def read_pair(results: Path, pair: Pair, held: Mapping[Path, Container[Pair]]) -> StoreRead:
    """Return one row a run of a task and method. ``held``: of which each file holds rows; other files are all looked into."""
    _, table, unreadable = _read(results, SCHEMA.names, only=lambda path: path not in held or pair in held[path])
    task, method = pair
    rows = table.filter(pc.and_(pc.equal(table["task"], task), pc.equal(table["method"], method)))
    return StoreRead(attempts_that_count(rows), unreadable)


def stored_run(results: Path, run: str) -> dict[str, Any]:
    """Return the row of a run that is named by its id or the beginning of it. Raises NothingFound or BadValue."""
    table = read_runs(results).table
    rows = table.filter(pc.starts_with(table["run_id"], run)).to_pylist()
    if not rows:
        raise NothingFound(
            f"no run '{run}' in '{display_name(results)}'; their ids: inrbench results list --results {display_name(results)}"
        )
    if len(rows) > 1:
        raise BadValue(f"{len(rows)} runs in '{results}' begin with '{run}': give more of the id")
    return rows[0]


def probed_runs(results: Path, probes: Sequence[str]) -> set[str]:
    """Return the runs of which every one of these probes was read; none where there is no store yet."""
    if not results.exists():
        return set()
    frame = read_runs(results, ["run_id", "probes"]).table.to_pandas()
    wanted = set(probes)
    has = frame["probes"].map(lambda readings: readings is not None and wanted <= {r["probe"] for r in readings})
    return set(frame.loc[has.astype(bool), "run_id"])


def attempts_that_count(table: pa.Table) -> pa.Table:
    """Return the rows that count, sorted by run: of each run the newest ``ok`` attempt, else the newest one."""
    order = table.select(SELECTION_COLUMNS).to_pandas()
    order["ok"] = order["status"] == "ok"
    chosen = order.sort_values(["run_id", "ok", "attempt_id"]).drop_duplicates("run_id", keep="last")
    return table.take(pa.array(chosen.index))


def load_results(
    results: str | Path = "results", table: Literal["runs", "metrics", "curves", "probes"] = "runs"
) -> pd.DataFrame:
    """Return the results of a folder as a pandas DataFrame.

    ``runs``: one row a run, a column for each metric id beside the stored columns. ``metrics``: one row a (run, metric).
    ``curves``: one row a point of a learning curve, ``value`` being the primary metric. ``probes``: one row a reading.
    """
    read = read_runs(Path(results))
    frame = read.table.to_pandas()
    for path, reason in read.unreadable.items():
        log.warning("skipped %s: %s", path, reason)
    keys = frame.drop(columns=["metrics", "curve", "probes", "artifacts"])
    if table == "runs":
        values = pd.DataFrame([{m["id"]: m["value"] for m in metrics} for metrics in frame["metrics"]], index=frame.index)
        return keys.join(values.astype(float))
    nested = {"metrics": "metrics", "curves": "curve", "probes": "probes"}[table]
    long = frame[["run_id", nested]].explode(nested).dropna(subset=[nested])
    items = pd.DataFrame(list(long[nested]), index=long.index)
    return keys.drop(columns=items.columns, errors="ignore").join(items, how="inner").reset_index(drop=True)


def _parquet_below(folder: Path) -> list[Path]:
    """Return the paths of Parquet files in a folder, those being written left out. Raises StoreError if it may not be read."""
    found = []
    for path, folders, files in os.walk(folder, onerror=raise_unless_gone, followlinks=False) if folder.exists() else ():
        names = filter(_is_parquet, (*files, *folders))
        found += [Path(path) / name for name in names]
    return sorted(found)


def _is_parquet(name: str) -> bool:
    return name.endswith(".parquet") and not name.startswith(".")


def _steady_listing(results: Path) -> list[Path]:
    """Return the files of a results folder, listed until no packed one has come or gone meanwhile.

    Files are merged while others read: one listing alone could miss the new file, made behind its back, and the old ones too.
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
    """Return all files, the rows of those chosen, and why some could not be read. What was merged meanwhile is read again."""
    for _ in range(LISTINGS):
        files = _steady_listing(results)
        table, unreadable = read_files([path for path in files if only(path)], columns)
        if all(path.exists() for path in unreadable):
            break
    return files, table, unreadable


def read_all_attempts(results: Path, columns: list[str]) -> tuple[pa.Table, dict[Path, str]]:
    """Return every attempt's row of a results folder, and why some files could not be read.

    Files that are merged meanwhile are read again. Raises StoreError if there is no such folder.
    """
    _, table, unreadable = _read(results, columns)
    return table, unreadable


def read_files(files: list[Path], columns: list[str]) -> tuple[pa.Table, dict[Path, str]]:
    """Return all rows of files, and why some could not be read: all are read at once, and one by one where that fails."""
    fields = [FILE if name == FILE.name else SCHEMA.field(name) for name in columns]
    tables, unreadable = [pa.schema(fields).empty_table()], dict[Path, str]()
    for start in range(0, len(files), AT_ONCE):
        part = files[start : start + AT_ONCE]
        if sum(table.nbytes for table in tables) > MAX_RESULTS_BYTES:
            raise StoreError(f"these results take more than {MAX_RESULTS_BYTES:,} bytes once they are read; divide the folder")
        try:
            tables.append(_table(part, columns).combine_chunks())  # a chunk a file takes many times its content
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
    """Read files with our schema.

    Raises what is in UNREADABLE, also for links, for what takes too much memory, and for rows that are none of ours, lack what
    every row has, or are newer than we are.
    """
    for path in files:
        if not is_regular(path):
            raise OSError(f"'{path.name}' {LINK if path.is_symlink() else 'is a folder' if path.is_dir() else 'is no file'}")
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
        raise ValueError("no results of inrbench: it has no run_id")
    newest = pc.max(table["schema_version"]).as_py()
    if newest is not None and newest > VERSION:
        raise ValueError(f"written by a newer inrbench: schema version {newest}, and this one knows {VERSION}")
    check_rows(table)
    return table.select(columns)
