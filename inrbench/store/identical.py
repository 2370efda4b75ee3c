"""Comparison of stored rows: two rows are the same attempt if all columns are equal in the current form.

An attempt id states which attempt a row claims to be. A row can replace another only if the content is the same.
"""

import hashlib
from collections.abc import Iterable
from contextlib import suppress

import pyarrow as pa

from inrbench.store.renames import renamed_row
from inrbench.store.schema import MALFORMED_ROW, SCHEMA, spec_of, with_defaults


def in_current_form(table: pa.Table) -> pa.Table:
    """Return attempts in the current form.

    Adds what earlier versions left out (engine, track, training), applies renames, and recomputes the run id. Raises one of
    MALFORMED_ROW for a run that cannot be understood.
    """
    rows = [renamed_row(with_defaults(row)) for row in table.to_pylist()]
    return pa.Table.from_pylist([{**row, "run_id": spec_of(row).run_id} for row in rows], schema=SCHEMA)


def content_digests(table: pa.Table) -> dict[str, set[str]]:
    """Return a dict from attempt id to the digests of its rows, in the current form if they can be converted to it."""
    found: dict[str, set[str]] = {}
    for i, attempt in enumerate(table["attempt_id"].to_pylist()):
        row = pa.Table.from_pylist(table.slice(i, 1).to_pylist(), schema=SCHEMA)
        with suppress(*MALFORMED_ROW):
            row = in_current_form(row)
        found.setdefault(attempt, set()).add(_digest(row))
    return found


def conflicting_ids(table: pa.Table) -> set[str]:
    """Return the ids of the attempts whose rows have different content."""
    return {attempt for attempt, found in content_digests(table).items() if len(found) > 1}


def _digest(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def duplicates(ids: Iterable[str]) -> set[str]:
    """Return the ids that occur more than once."""
    seen, twice = set[str](), set[str]()
    for each in ids:
        (twice if each in seen else seen).add(each)
    return twice
