"""Limits on a file of results while it is read. The file may come from an untrusted source.

``check_footer`` and ``check_expanded_size`` check a Parquet file without unpacking it, ``memory_cap`` limits memory while it
is unpacked, and ``check_rows`` checks the columns. ``inrbench.store.row_checks`` checks what a row states about itself.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inrbench.limits import (
    MAX_FOOTER_BYTES,
    MAX_NESTING,
    MAX_ROW_GROUPS,
    MAX_ROWS,
    MAX_SMALL_FILE_BYTES,
    MAX_TABLE_BYTES,
    MAX_TEXT,
)

REQUIRED = frozenset(
    {
        "run_id",
        "attempt_id",
        "task",
        "task_version",
        "signal",
        "signal_sha256",
        "method",
        "method_sha256",
        "params_json",
        "variant",
        "protocol",
        "protocol_fingerprint",
        "protocol_json",
        "seed",
        "device_class",
        "status",
        "started_at",
        "finished_at",
        "metrics",
        "curve",
    }
)
"""Columns that every version has written in every row."""
KEYS = {
    "metrics": ("id", "higher_is_better", "scale"),
    "curve": ("step",),
    "probes": ("probe", "step"),
    "artifacts": ("name", "file", "bytes"),
    "notes": (),
}
"""Nested columns, with the keys that each of their items must have."""
OBJECTS = frozenset({"params_json", "training_json", "protocol_json"})
LATEST = 7_258_118_400_000_000
"""Microseconds from 1970 to 2200. Later times are not valid."""
STATM = Path("/proc/self/statm")
MAX_THREADS = 4
"""Threads of pyarrow that compute while files are read, and as many that read."""
USUAL_STACK_BYTES = 8 * 2**20
"""Allowed for the stack of a thread if stacks are not limited; the C library then takes less."""


def read_json(text: str | bytes) -> Any:
    """Return the content of a JSON text from an untrusted source. Raises ValueError if it is too long, too deep or not JSON."""
    if len(text) > MAX_SMALL_FILE_BYTES:
        raise ValueError(f"a JSON text of {len(text):,} characters; at most {MAX_SMALL_FILE_BYTES:,} are read")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError(f"a JSON text of more than {MAX_NESTING} levels") from error
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_NESTING:
            raise ValueError(f"a JSON text of more than {MAX_NESTING} levels")
        level = [item for each in level if isinstance(each, dict | list) for item in _items(each)]
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"a JSON text with {name}, which is not a number")


def _items(value: dict[str, Any] | list[Any]) -> Iterator[Any]:
    yield from value.values() if isinstance(value, dict) else value


def check_footer(path: Path) -> None:
    """Raise ValueError for a Parquet file whose footer is too large, before a library reads it."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - 8))
        length = int.from_bytes(stream.read(4), "little")
    if length > min(size, MAX_FOOTER_BYTES):
        raise ValueError(f"has a footer of {length:,} bytes; at most {MAX_FOOTER_BYTES:,} are read")


def check_expanded_size(facts: pq.FileMetaData) -> None:
    """Raise ValueError for a Parquet file that is too large according to its footer (``facts``).

    Single columns are not queried: the library would end the process if the file is damaged.
    """
    if facts.num_rows > MAX_ROWS:
        raise ValueError(f"has {facts.num_rows:,} rows; at most {MAX_ROWS:,} are read")
    if facts.num_row_groups > MAX_ROW_GROUPS:
        raise ValueError(f"has {facts.num_row_groups:,} row groups; at most {MAX_ROW_GROUPS:,} are read")
    size = sum(facts.row_group(group).total_byte_size for group in range(facts.num_row_groups))
    if size > MAX_TABLE_BYTES:
        raise ValueError(f"unpacks to {size:,} bytes; at most {MAX_TABLE_BYTES:,} are read")


@contextmanager
def memory_cap(most: int) -> Iterator[None]:
    """Limit the additional memory of this process to ``most`` bytes inside the block, if the system supports it.

    A Parquet file stores a repeated text or list only once, so its full size is known only after reading. In threads other than
    the main one nothing is limited: processes that start meanwhile would inherit the limit.

    The limit is on writable memory and not on address space, of which each thread reserves a multiple of what it uses. If a
    thread that pyarrow starts inside the block had no room for its stack, the process would end or wait forever. So pyarrow
    may start only a few threads, and their stacks are added to the limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        import resource

        pages = int(STATM.read_text("ascii").split()[5])  # writable memory and stacks
    except (ImportError, OSError):  # not Linux
        yield
        return
    stack, _ = resource.getrlimit(resource.RLIMIT_STACK)
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with _few_threads() as threads:
        stacks = threads * (USUAL_STACK_BYTES if stack == resource.RLIM_INFINITY else stack)
        cap = pages * resource.getpagesize() + most + stacks
        if soft != resource.RLIM_INFINITY:
            cap = min(cap, soft)
        resource.setrlimit(resource.RLIMIT_DATA, (cap, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@contextmanager
def _few_threads() -> Iterator[int]:
    """Limit the threads of pyarrow inside the block, and return their number."""
    before = pa.cpu_count(), pa.io_thread_count()
    computing, reading = (min(number, MAX_THREADS) for number in before)
    pa.set_cpu_count(computing)
    pa.set_io_thread_count(reading)
    try:
        yield computing + reading
    finally:
        pa.set_cpu_count(before[0])
        pa.set_io_thread_count(before[1])


def check_rows(table: pa.Table) -> None:
    """Raise ValueError for rows that lack a required value in the columns that were read, or have texts that are too long.

    Raises ArrowInvalid for text that is not valid UTF-8, or a list with invalid offsets.
    """
    table.validate(full=True)
    for name in table.schema.names:
        column = table[name]
        if name in REQUIRED and column.null_count:
            raise ValueError(f"contains a row without {name}")
        if name in KEYS:
            _check_items(name, column)
        if pa.types.is_string(column.type) and len(column):
            longest = pc.max(pc.binary_length(column)).as_py()
            if longest is not None and longest > MAX_TEXT:
                raise ValueError(f"contains {longest:,} bytes of text in {name}; at most {MAX_TEXT:,} are read")
        if pa.types.is_timestamp(column.type) and len(column):
            span = pc.min_max(pc.cast(column, pa.int64())).as_py()
            if span["min"] is not None and not 0 <= span["min"] <= span["max"] <= LATEST:
                raise ValueError(f"contains an invalid time in {name}")
        if name in OBJECTS:
            _check_objects(name, column)


def _check_items(name: str, column: pa.ChunkedArray) -> None:
    items = pc.list_flatten(column)
    if items.null_count:
        raise ValueError(f"contains an empty item in {name}")
    for key in KEYS[name]:
        if len(items) and pc.struct_field(items, key).null_count:
            raise ValueError(f"contains an item in {name} without {key}")


def _check_objects(name: str, column: pa.ChunkedArray) -> None:
    for text in pc.unique(column).to_pylist():
        if text is None:
            continue
        try:
            value = read_json(text)
        except ValueError as error:
            raise ValueError(f"contains a {name} that cannot be read: {error}") from error
        if not isinstance(value, dict):
            raise ValueError(f"contains a {name} that is not a JSON object")
