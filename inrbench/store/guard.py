"""What a file of results must keep to before it is read, and its rows before they count: strangers may have written them.

``refuse_bomb`` looks at a Parquet file without unpacking it, ``refuse_odd_rows`` at the columns that were read, and
``fault_of_row`` at all that a row says of itself.
"""

import json
import math
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inrbench.errors import InrbenchError
from inrbench.limits import (
    MOST_FOOTER_BYTES,
    MOST_NESTING,
    MOST_ROW_GROUPS,
    MOST_ROWS,
    MOST_SMALL_FILE_BYTES,
    MOST_TABLE_BYTES,
    MOST_TEXT,
)
from inrbench.spec import Protocol, Settings, Status, odd_name, variant_text
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
COUNTED = ("n_params", "n_params_stored", "n_params_deployed", "train_seconds", "wall_seconds", "steps", "points_seen",
           "host_peak_bytes", "gpu_peak_allocated_bytes", "gpu_peak_reserved_bytes", "model_bytes")  # fmt: skip
"""Columns that are nothing or at least zero."""
ATTEMPT_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)
CLOCKS_DIFFER_SECONDS = 24 * 3600.0
LATEST = 7_258_118_400_000_000
"""Microseconds from 1970 to 2200: later times are no times."""
STATM = Path("/proc/self/statm")


def read_json(text: str | bytes) -> Any:
    """Return what a JSON text of a stranger's holds. Raises ValueError for one that is too long, too deep or no JSON."""
    if len(text) > MOST_SMALL_FILE_BYTES:
        raise ValueError(f"a JSON text of {len(text):,} letters; at most {MOST_SMALL_FILE_BYTES:,} are read")
    try:
        held = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError(f"a JSON text of more than {MOST_NESTING} levels") from error
    level, depth = [held], 0
    while level:
        depth += 1
        if depth > MOST_NESTING:
            raise ValueError(f"a JSON text of more than {MOST_NESTING} levels")
        level = [item for each in level if isinstance(each, dict | list) for item in _items(each)]
    return held


def _refuse_constant(name: str) -> None:
    raise ValueError(f"a JSON text with {name}, which is no number")


def _items(held: dict[str, Any] | list[Any]) -> Iterator[Any]:
    yield from held.values() if isinstance(held, dict) else held


def refuse_footer(path: Path) -> None:
    """Raise ValueError for a Parquet file whose footer says that it is larger than ours can be, before a library reads it."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - 8))
        length = int.from_bytes(stream.read(4), "little")
    if length > min(size, MOST_FOOTER_BYTES):
        raise ValueError(f"has a footer of {length:,} bytes; at most {MOST_FOOTER_BYTES:,} are read")


def refuse_bomb(facts: pq.FileMetaData) -> None:
    """Raise ValueError for a Parquet file that says itself that it is too large; ``facts``: its footer.

    Nothing is asked of single columns: for a damaged file the library ends the process then.
    """
    if facts.num_rows > MOST_ROWS:
        raise ValueError(f"has {facts.num_rows:,} rows; at most {MOST_ROWS:,} are read")
    if facts.num_row_groups > MOST_ROW_GROUPS:
        raise ValueError(f"has {facts.num_row_groups:,} row groups; at most {MOST_ROW_GROUPS:,} are read")
    size = sum(facts.row_group(group).total_byte_size for group in range(facts.num_row_groups))
    if size > MOST_TABLE_BYTES:
        raise ValueError(f"unpacks to {size:,} bytes; at most {MOST_TABLE_BYTES:,} are read")


@contextmanager
def memory_cap(most: int) -> Iterator[None]:
    """Let this process take at most so many bytes of addresses more inside the block, where the system can limit that.

    A text or a list that is repeated is kept once in a Parquet file: only reading it tells how large it is. In another thread
    than the main one nothing is limited: processes that begin meanwhile would inherit the limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
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
    """Raise ValueError for rows without what every row has, as far as it was read, or with texts that are too long.

    Raises ArrowInvalid for what is no text, or a list that lies nowhere.
    """
    table.validate(full=True)
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
        if pa.types.is_timestamp(column.type) and len(column):
            span = pc.min_max(pc.cast(column, pa.int64())).as_py()
            if span["min"] is not None and not 0 <= span["min"] <= span["max"] <= LATEST:
                raise ValueError(f"holds a time in {name} that is none")
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
    if fault := _fault_of_values(row):
        return f"{run}, {fault}"
    if is_of_first_version(row):
        return f"{run} of the first version, whose id cannot be checked; bring its folder to today's: inrbench results migrate"
    rest = _fault_of_times(row) or _fault_of_fingerprint(row) or _fault_of_signal(row)
    return fault_of_identity(row) or (f"{run}, {rest}" if rest else None)


def _fault_of_values(row: Mapping[str, Any]) -> str | None:
    """Return which value no run can have, None if there is none."""
    if row["seed"] < 0:
        return "whose seed is negative"
    if row["signal"] != row["signal"].strip() or not row["signal"].isprintable():
        return "whose signal has a name with spaces at its ends, or with what cannot be printed"
    if row["track"] != "search" and not _is_variant(row["variant"], json.loads(row["params_json"])):
        return f"whose label {row['variant']!r} does not tell its parameters"
    values = {item["id"]: item["value"] for item in row["metrics"]}
    if len(values) != len(row["metrics"]):
        return "which gives a metric twice"
    primary = values.get(row["primary_metric"])
    if row["status"] == "ok" and row["primary_metric"] is not None and (primary is None or not math.isfinite(primary)):
        return f"which ended well without a number as {row['primary_metric']}"
    counted = {name: row[name] for name in COUNTED if row[name] is not None}
    negative = next((name for name, value in counted.items() if not value >= 0), None)
    return f"whose {negative} is {counted[negative]}" if negative else None


def _is_variant(variant: str, params: Mapping[str, Any]) -> bool:
    """Whether a label's settings are those of the parameters: ``omega=10.0`` of ``{"omega": 10.0}``."""
    names = [name for name in re.findall(r"(?:^|,)([A-Za-z_]\w*)=", variant) if name in params]
    held = {name: tuple(value) if isinstance(value, list) else value for name, value in params.items()}
    return variant == variant_text({name: held[name] for name in names})


def _fault_of_times(row: Mapping[str, Any]) -> str | None:
    """Return whether a row says that it was made in the future, which would make it the newest for ever."""
    limit = time.time() + CLOCKS_DIFFER_SECONDS
    attempt = row["attempt_id"]
    made = int(attempt[:16], 16) / 1e9 if ATTEMPT_ID.fullmatch(attempt) else 0.0
    if max(row["finished_at"].timestamp(), made) > limit:
        return "which says that it ended in the future"
    return None


def _fault_of_fingerprint(row: Mapping[str, Any]) -> str | None:
    """Return whether the protocol that a row tells is not that of its fingerprint, which decides on its table.

    Of a task that is not known here, or of another version, it cannot be told; on other tracks than the paper's, the protocol
    that is told holds what the track changes.
    """
    settings = _settings_of(row["task"], row["task_version"]) if (row["track"] or "paper") == "paper" else None
    if settings is None:
        return None
    try:
        protocol = Protocol.decoded(read_json(row["protocol_json"]), settings)
        true = protocol.fingerprint(row["task"], row["task_version"])
    except (KeyError, TypeError, ValueError, AttributeError, InrbenchError) as error:
        return f"whose protocol cannot be understood: {error}"
    return (
        None if true == row["protocol_fingerprint"] else f"whose protocol has the fingerprint {true}, and not the one it tells"
    )


def _fault_of_signal(row: Mapping[str, Any]) -> str | None:
    """Return whether a built-in signal had another content than it has here: it would hide the runs of the true one."""
    true = _signal_sha256(row["task"], row["task_version"], row["signal"])
    return f"whose signal {row['signal']} is another one than here" if true not in (None, row["signal_sha256"]) else None


@cache
def _signal_sha256(task: str, version: str, signal: str) -> str | None:
    """Return the hash of a built-in signal; None for one of a user's, of another version, or whose data are not here."""
    from inrbench.registry import Registry

    try:
        known = Registry().task(task)
        return known.signal_sha256(signal) if known.version == version and signal in known.signals() else None
    except InrbenchError:
        return None


@cache
def _settings_of(task: str, version: str) -> type[Settings] | None:
    """Return the class of a built-in task's settings; None for another task, or another version of it."""
    from inrbench.registry import Registry

    try:
        known = Registry().task(task)
    except InrbenchError:
        return None
    return type(next(iter(known.protocols.values())).settings) if known.version == version else None


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
