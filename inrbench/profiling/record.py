"""Store step timings: the raw seconds of every round, one file per profile."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from inrbench.store.environment import Environment
from inrbench.store.files import write_atomically
from inrbench.store.schema import ENVIRONMENT, new_attempt_id
from inrbench.store.write import parquet_bytes

PROFILE = pa.schema(
    {
        "profile_id": pa.string(),
        "method": pa.string(),
        "params_json": pa.string(),
        "kind": pa.string(),
        "width": pa.int32(),
        "n_layers": pa.int32(),
        "points": pa.int64(),
        "part": pa.string(),
        "round": pa.int32(),
        "seconds": pa.float64(),
        "peak_bytes": pa.int64(),
        "compiled": pa.bool_(),
        "engine_note": pa.string(),
        "matmul_backend": pa.string(),
        "matmul_error": pa.float64(),
        **ENVIRONMENT,
    }
)


def append_profile(results: Path, rows: Sequence[Mapping[str, Any]], environment: Environment) -> Path:
    """Store the rows of a profile and return their file.

    Args:
        results: Results folder.
        rows: Rows with the columns of PROFILE, except the id and the environment.
        environment: Environment in which the steps were measured.

    Raises:
        StoreError: The file cannot be written.
    """
    profile_id = new_attempt_id()
    path = results / "store" / "profiles" / f"{profile_id}.parquet"
    facts = {"profile_id": profile_id, **asdict(environment)}
    write_atomically(parquet_bytes(pa.Table.from_pylist([{**row, **facts} for row in rows], schema=PROFILE)), path)
    return path
