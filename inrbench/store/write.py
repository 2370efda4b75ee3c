"""Writing: a finished attempt becomes visible completely or not at all, even if a process is killed meanwhile."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from inrbench.errors import StoreError
from inrbench.spec import name_error
from inrbench.store.files import below, sweep, write_atomically
from inrbench.store.processes import mark
from inrbench.store.schema import VERSION, Attempt


def store_folder(results: Path) -> Path:
    """Return the folder of attempts in a results folder. Raises StoreError if it is a symbolic link or not a folder."""
    folder = below(results, "store", f"v{VERSION}")
    for path in (folder.parent, folder):
        if path.exists() and not path.is_dir():
            raise StoreError(f"{path} is not a folder; replace it with one")
    return folder


def attempt_folder(results: Path, task: str, method: str) -> Path:
    """Return the folder with the attempts of a task and method.

    Args:
        results: The results folder.
        task: Name of the task.
        method: Name of the method.

    Raises:
        StoreError: A name is not valid, such as ``../x``.
    """
    for name in (task, method):
        if why := name_error(name):
            raise StoreError(why)
    return below(store_folder(results), f"task={task}", f"method={method}")


def append(results: Path, attempt: Attempt) -> Path:
    """Store an attempt in a results folder and return its file. Raises StoreError if that fails.

    The file name is ``<run_id>.<attempt_id>.<status>.parquet``, so that a listing shows which runs have finished.
    """
    spec = attempt.result.spec
    name = f"{spec.run_id}.{attempt.attempt_id}.{attempt.result.status}.parquet"
    path = attempt_folder(results, spec.task, spec.method) / name
    write_atomically(parquet_bytes(attempt.table()), path)
    return path


def compacted_name(content: bytes) -> str:
    """Return the name of a file with many attempts, ``runs.<digest>.parquet``. The digest shows whether it is complete."""
    return f"runs.{hashlib.sha256(content).hexdigest()[:16]}.parquet"


def is_compacted(path: Path) -> bool:
    """Return whether a file of the store contains many attempts, according to its name."""
    return path.name.startswith("runs.") and path.name.count(".") == 2


def is_single_attempt(path: Path) -> bool:
    """Return whether a file of the store contains one attempt. Its name then contains run, id and status."""
    return path.parent.name.startswith("method=") and path.name.count(".") == 3 and not path.name.startswith("runs.")


def parquet_bytes(table: pa.Table, compression_level: int = 3) -> bytes:
    """Return a table as the bytes of a Parquet file; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=compression_level)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def check_writable(results: Path) -> None:
    """Raise StoreError if results cannot be stored. Called before the first run, to fail early."""
    folder = store_folder(results)
    trial = folder / f".trial.{mark()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise StoreError(
            f"cannot write to {folder}: {error.strerror or error}. Choose another folder with --results"
        ) from error
    sweep(results)
