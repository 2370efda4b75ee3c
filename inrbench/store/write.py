"""Writing: a finished attempt becomes visible all at once or not at all, whatever dies in between."""

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
    """Return the folder of attempts below a results folder. Raises StoreError where a link is in its place."""
    folder = below(results, "store", f"v{VERSION}")
    for path in (folder.parent, folder):
        if path.exists() and not path.is_dir():
            raise StoreError(f"{path} is no folder; put one in its place")
    return folder


def attempt_folder(results: Path, task: str, method: str) -> Path:
    """Return where the attempts of a task and method lie. Raises StoreError for a name that is none, such as ``../x``."""
    for name in (task, method):
        if why := name_error(name):
            raise StoreError(why)
    return below(store_folder(results), f"task={task}", f"method={method}")


def append(results: Path, attempt: Attempt) -> Path:
    """Store an attempt under a results folder and return its file. Raises StoreError if that cannot be done.

    The file name is ``<run_id>.<attempt_id>.<status>.parquet``, so that what is finished can be told from a listing.
    """
    spec = attempt.result.spec
    name = f"{spec.run_id}.{attempt.attempt_id}.{attempt.result.status}.parquet"
    path = attempt_folder(results, spec.task, spec.method) / name
    write_atomically(parquet_bytes(attempt.table()), path)
    return path


def compacted_name(content: bytes) -> str:
    """Return what a file of many attempts is called: ``runs.<digest>.parquet``, so that its name tells whether it is whole."""
    return f"runs.{hashlib.sha256(content).hexdigest()[:16]}.parquet"


def is_compacted(path: Path) -> bool:
    """Whether a file of the store holds many attempts, by its name."""
    return path.name.startswith("runs.") and path.name.count(".") == 2


def is_single_attempt(path: Path) -> bool:
    """Whether a file of the store holds one attempt, of which its name tells run, id and status."""
    return path.parent.name.startswith("method=") and path.name.count(".") == 3 and not path.name.startswith("runs.")


def parquet_bytes(table: pa.Table, compression_level: int = 3) -> bytes:
    """Return a table as the bytes of a Parquet file; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=compression_level)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def check_writable(results: Path) -> None:
    """Raise StoreError now rather than after the first run if results cannot be stored."""
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
