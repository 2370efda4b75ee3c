"""Reading: every attempt under a folder, with our schema, deduplicated to one attempt a run."""

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from inrbench.errors import StoreError
from inrbench.store.schema import SCHEMA
from inrbench.store.write import store_folder

log = logging.getLogger(__name__)
CHOICE = ["run_id", "attempt_id", "status"]
"""The columns that decide which attempt of a run counts."""
AT_ONCE = 500
"""Files that are open together: what is known of each takes a quarter of a MiB until all are read."""
UNREADABLE = (pa.ArrowException, OSError, ValueError)


@dataclass(frozen=True)
class StoreRead:
    """What a folder holds: one row a run, and the files that could not be read, with the reason."""

    table: pa.Table
    unreadable: dict[Path, str]


def attempt_files(results: Path) -> list[Path]:
    """Return the Parquet files of a results folder: its store, or all below it if it has none (published results).

    Files being written (their names begin with a dot) are passed over. Raises StoreError if there is no such folder.
    """
    if not results.is_dir():
        raise StoreError(f"no results folder '{results}'. Make one with: inrbench run --suite quick --results {results}")
    folder = store_folder(results)
    root = folder if folder.is_dir() else results
    return [path for path in _parquet_below(root) if path.is_file()]


def finished_runs(results: Path) -> dict[str, str]:
    """Return run_id -> status of what a results folder holds, from the file names alone: ``ok`` if any attempt was."""
    found: dict[str, tuple[str, str]] = {}
    folder = store_folder(results)
    for path in _parquet_below(folder):
        parts = path.name.split(".")
        if len(parts) != 4:
            continue
        run_id, attempt, status, _ = parts
        earlier = found.get(run_id)
        if earlier is None or (status == "ok", attempt) > (earlier[1] == "ok", earlier[0]):
            found[run_id] = (attempt, status)
    return {run_id: status for run_id, (_, status) in found.items()}


def read_runs(results: Path, columns: Iterable[str] | None = None) -> StoreRead:
    """Return one row a run under a results folder: the newest ``ok`` attempt, else the newest one.

    ``columns`` limits what is read (the columns that choose attempts are always read). Unreadable files are named, not fatal.
    """
    names = [*dict.fromkeys([*CHOICE, *columns])] if columns is not None else SCHEMA.names
    table, unreadable = _read(attempt_files(results), names)
    return StoreRead(one_attempt_a_run(table), unreadable)


def probed_runs(results: Path, probes: Sequence[str]) -> set[str]:
    """Return the runs of which every one of these probes was read; none where there is no store yet."""
    if not results.exists():
        return set()
    frame = read_runs(results, ["run_id", "probes"]).table.to_pandas()
    wanted = set(probes)
    has = frame["probes"].map(lambda readings: readings is not None and wanted <= {r["probe"] for r in readings})
    return set(frame.loc[has.astype(bool), "run_id"])


def one_attempt_a_run(table: pa.Table) -> pa.Table:
    """Return the rows that count, sorted by run: of each run the newest ``ok`` attempt, else the newest one."""
    order = table.select(CHOICE).to_pandas()
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

    def refuse(error: OSError) -> None:
        raise StoreError(f"cannot read {error.filename}: {error.strerror}. Choose another folder with --results")

    for path, folders, files in os.walk(folder, onerror=refuse) if folder.exists() else ():
        names = [name for name in (*files, *folders) if name.endswith(".parquet") and not name.startswith(".")]
        found += [Path(path) / name for name in names]
    return sorted(found)


def _read(files: list[Path], columns: list[str]) -> tuple[pa.Table, dict[Path, str]]:
    """Read many files at once; where one of them is bad, find out which."""
    tables, unreadable = [pa.schema([SCHEMA.field(name) for name in columns]).empty_table()], dict[Path, str]()
    for start in range(0, len(files), AT_ONCE):
        part = files[start : start + AT_ONCE]
        try:
            tables.append(_table(part, columns))
            continue
        except UNREADABLE:
            pass
        for file in part:
            try:
                tables.append(_table([file], columns))
            except UNREADABLE as error:
                unreadable[file] = str(error).splitlines()[0]
    return pa.concat_tables(tables), unreadable


def _table(files: list[Path], columns: list[str]) -> pa.Table:
    return ds.dataset([str(file) for file in files], schema=SCHEMA, format="parquet").to_table(columns=columns)
