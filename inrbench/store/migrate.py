"""Migration of files of earlier versions to the current columns. Reading converts rows anyway; migrating rewrites files."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from inrbench.store.compact import COMPRESSION_LEVEL
from inrbench.store.files import sweep, write_atomically
from inrbench.store.identical import in_current_form
from inrbench.store.read import UNREADABLE, attempt_files, read_files
from inrbench.store.remote import mirror_of
from inrbench.store.schema import MALFORMED_ROW, SCHEMA
from inrbench.store.write import compacted_name, is_compacted, parquet_bytes, store_folder


def migrate(results: Path) -> tuple[dict[Path, int], dict[Path, str]]:
    """Rewrite files of earlier versions; return the number of attempts of each new file, and why others were left alone.

    If the process is killed, nothing is lost: new files are complete before old ones are removed. An attempt that is in both
    counts once. If its run got a new id, it counts as one run under each id until ``migrate`` is called again. Attempts keep
    their ids, times and numbers; a run whose id did not cover all columns gets one that does. Mirrors recognise an old row by
    its attempt id and drop it. Raises StoreError for a folder that does not exist or cannot be written.
    """
    sweep(results)
    written: dict[Path, int] = {}
    left: dict[Path, str] = {}
    for path in attempt_files(results):
        table, unreadable = read_files([path], SCHEMA.names)
        if unreadable:
            left.update(unreadable)
            continue
        try:
            today = in_current_form(table)
        except MALFORMED_ROW as error:
            left[path] = f"contains a run that cannot be understood: {error}"
            continue
        if set(SCHEMA.names) <= set(_columns(path)) and today.equals(table):
            continue
        content = parquet_bytes(today.combine_chunks(), COMPRESSION_LEVEL)
        new = _new_path(path, today, content, results)
        write_atomically(content, new)
        if new != path:
            path.unlink(missing_ok=True)
        if remote := mirror_of(results):
            remote.remove([path])
        written[new] = today.num_rows
    return written, left


def _columns(path: Path) -> list[str]:
    try:
        names: list[str] = pq.read_schema(path).names
    except UNREADABLE:  # another process has merged and removed it
        return SCHEMA.names
    return names


def _new_path(path: Path, table: pa.Table, content: bytes, results: Path) -> Path:
    """Return the file name that matches the new content. Outside a store, files are named by method and keep their names."""
    if store_folder(results) not in path.parents:
        return path
    if is_compacted(path) or table.num_rows != 1:
        return path.with_name(compacted_name(content))
    (row,) = table.select(["run_id", "attempt_id", "status"]).to_pylist()
    return path.with_name(".".join(row.values()) + ".parquet")
