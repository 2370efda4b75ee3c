"""What a file of results must keep to before it is read, and its rows before they count: strangers may have written them.

``refuse_bomb`` looks at a Parquet file without unpacking it, ``refuse_odd_rows`` at the columns that were read, and
``fault_of_row`` at all that a row says of itself.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inrbench.limits import MOST_NESTING, MOST_ROWS, MOST_SMALL_FILE_BYTES, MOST_TABLE_BYTES, MOST_TEXT
from inrbench.spec import Status, odd_name
from inrbench.store.schema import filled, spec_of

REQUIRED = frozenset({
    "run_id", "attempt_id", "task", "task_version", "signal", "signal_sha256", "method", "method_sha256", "params_json",
    "variant", "protocol", "protocol_fingerprint", "protocol_json", "seed", "device_class", "status", "started_at",
    "finished_at", "metrics", "curve",
})  # fmt: skip
"""Columns that every version has written in every row."""
KEYS = {"metrics": ("id", "higher_is_better", "scale"), "curve": ("step",), "probes": ("probe", "step"),
        "artifacts": ("name", "file", "bytes"), "notes": ()}  # fmt: skip
"""Nested columns, and what each of their items must have."""
OBJECTS = frozenset({"params_json", "training_json", "protocol_json"})
STATM = Path("/proc/self/statm")


def read_json(text: str | bytes) -> Any:
    """Return what a JSON text of a stranger's holds. Raises ValueError for one that is too long, too deep or no JSON."""
    if len(text) > MOST_SMALL_FILE_BYTES:
        raise ValueError(f"a JSON text of {len(text):,} letters; at most {MOST_SMALL_FILE_BYTES:,} are read")
    try:
        held = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"a JSON text of more than {MOST_NESTING} levels") from error
    level, depth = [held], 0
    while level:
        depth += 1
        if depth > MOST_NESTING:
            raise ValueError(f"a JSON text of more than {MOST_NESTING} levels")
        level = [item for each in level if isinstance(each, dict | list) for item in _items(each)]
    return held


def _items(held: dict[str, Any] | list[Any]) -> Iterator[Any]:
    yield from held.values() if isinstance(held, dict) else held


def refuse_bomb(facts: pq.FileMetaData) -> None:
    """Raise ValueError for a Parquet file that says itself that it is too large; ``facts``: its footer.

    Nothing is asked of single columns: for a damaged file the library ends the process then.
    """
    if facts.num_rows > MOST_ROWS:
        raise ValueError(f"has {facts.num_rows:,} rows; at most {MOST_ROWS:,} are read")
    size = sum(facts.row_group(group).total_byte_size for group in range(facts.num_row_groups))
    if size > MOST_TABLE_BYTES:
        raise ValueError(f"unpacks to {size:,} bytes; at most {MOST_TABLE_BYTES:,} are read")


@contextmanager
def memory_cap(most: int) -> Iterator[None]:
    """Let this process take at most so many bytes of addresses more inside the block, where the system can limit that.

    A text or a list that is repeated is kept once in a Parquet file: only reading it tells how large it is.
    """
    try:
        import resource

        pages = int(STATM.read_text("ascii").split()[0])
    except (ImportError, OSError):  # not Linux
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    cap = pages * resource.getpagesize() + most
    if soft != resource.RLIM_INFINITY:
        cap = min(cap, soft)
    resource.setrlimit(resource.RLIMIT_AS, (cap, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def refuse_odd_rows(table: pa.Table) -> None:
    """Raise ValueError for rows without what every row has, as far as it was read, or with texts that are too long."""
    for name in table.schema.names:
        column = table[name]
        if name in REQUIRED and column.null_count:
            raise ValueError(f"holds a row without {name}")
        if name in KEYS:
            _refuse_odd_items(name, column)
        if pa.types.is_string(column.type) and len(column):
            longest = pc.max(pc.binary_length(column)).as_py()
            if longest is not None and longest > MOST_TEXT:
                raise ValueError(f"holds {longest:,} bytes of text in {name}; at most {MOST_TEXT:,} are read")
        if name in OBJECTS:
            _refuse_odd_objects(name, column)


def _refuse_odd_items(name: str, column: pa.ChunkedArray) -> None:
    items = pc.list_flatten(column)
    if items.null_count:
        raise ValueError(f"holds an empty item in {name}")
    for key in KEYS[name]:
        if len(items) and pc.struct_field(items, key).null_count:
            raise ValueError(f"holds an item in {name} without {key}")


def _refuse_odd_objects(name: str, column: pa.ChunkedArray) -> None:
    for text in pc.unique(column).to_pylist():
        if text is None:
            continue
        try:
            held = read_json(text)
        except ValueError as error:
            raise ValueError(f"holds a {name} that cannot be read: {error}") from error
        if not isinstance(held, dict):
            raise ValueError(f"holds a {name} that is no table of names and values")


def fault_of_row(row: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a row that was read with all columns of SCHEMA, None if nothing is.

    Its id is worked out again from its columns; that every column is there was seen when it was read.
    """
    run = f"holds run {row['run_id'][:10]}"
    for name in ("task", "method"):
        if why := odd_name(row[name]):
            return f"{run}: {why}"
    if row["status"] not in get_args(Status):
        return f"{run}, whose status is none of {', '.join(get_args(Status))}"
    if row["started_at"] > row["finished_at"]:
        return f"{run}, which ended before it began"
    if any(item["bytes"] < 0 for item in row["artifacts"] or ()):
        return f"{run}, with an artifact of negative size"
    if is_of_first_version(row):
        return f"{run} of the first version, whose id cannot be checked; bring its folder to today's: inrbench results migrate"
    return fault_of_identity(row)


def is_of_first_version(row: Mapping[str, Any]) -> bool:
    """Whether a row was written before ids covered all columns."""
    return row["engine"] is None


def fault_of_identity(row: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the id of a row with the columns of IDENTITY, None if nothing is.

    Rows of the first version had fewer columns, and ids that did not cover all: they say nothing that could be checked.
    """
    if is_of_first_version(row):
        return None
    try:
        true = spec_of(filled(row)).run_id
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        return f"holds a run that cannot be understood: {error}"
    return None if true == row["run_id"] else f"holds run {row['run_id'][:10]}, whose columns are those of run {true[:10]}"
