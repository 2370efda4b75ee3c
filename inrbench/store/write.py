"""Writing: a finished attempt becomes visible all at once or not at all, whatever dies in between."""

import contextlib
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from inrbench.errors import StoreError
from inrbench.store.schema import VERSION, Attempt


def store_folder(results: Path) -> Path:
    """Return the folder of attempts below a results folder."""
    return results / "store" / f"v{VERSION}"


def append(results: Path, attempt: Attempt) -> Path:
    """Store an attempt under a results folder and return its file. Raises StoreError if that cannot be done.

    The file name is ``<run_id>.<attempt_id>.<status>.parquet``, so that what is finished can be told from a listing.
    """
    spec = attempt.result.spec
    folder = store_folder(results) / f"task={spec.task}" / f"method={spec.method}"
    path = folder / f"{spec.run_id}.{attempt.attempt_id}.{attempt.result.status}.parquet"
    write_atomically(attempt.table(), path)
    return path


def write_atomically(table: pa.Table, path: Path, compression_level: int = 3) -> None:
    """Write a table to a temporary file beside ``path``, flush it to the disk, and rename it. Raises StoreError."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as stream:
            pq.write_table(table, stream, compression="zstd", compression_level=compression_level)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise StoreError(
            f"cannot write to {path.parent}: {error.strerror or error}. Choose another folder with --results"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


def check_writable(results: Path) -> None:
    """Raise StoreError now rather than after the first run if results cannot be stored."""
    folder = store_folder(results)
    trial = folder / f".trial.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise StoreError(
            f"cannot write to {folder}: {error.strerror or error}. Choose another folder with --results"
        ) from error


def _flush_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can (Windows cannot open a folder)."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
