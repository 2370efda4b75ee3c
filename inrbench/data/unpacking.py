"""Limits on what a file unpacks to, checked before memory is allocated."""

import gzip
import io
from pathlib import Path

from inrbench.errors import BadValue
from inrbench.limits import MAX_MESH_BYTES, MAX_PACKING_RATIO, MAX_UNPACKED_BYTES


def refuse_oversized(path: Path, size: int) -> None:
    """Raise BadValue if a file states far more bytes than it can contain.

    Args:
        path: The file.
        size: Bytes of its values in memory, as it states them.
    """
    stored = path.stat().st_size
    if size > max(MAX_UNPACKED_BYTES, MAX_PACKING_RATIO * stored):
        raise BadValue(f"{path} is damaged: it states {size:,} bytes of values in a file of {stored:,} bytes")


def gunzip(path: Path, data: bytes) -> bytes:
    """Return the unpacked content of a ``.gz`` file.

    Args:
        path: The file, for the message.
        data: Its content.

    Raises:
        ValueError: It unpacks to more than MAX_MESH_BYTES.
        OSError: It is not a gzip file.
    """
    with gzip.open(io.BytesIO(data)) as file:
        unpacked = file.read(MAX_MESH_BYTES + 1)
    if len(unpacked) > MAX_MESH_BYTES:
        raise ValueError(f"it unpacks to more than {MAX_MESH_BYTES:,} bytes; unpack it first: gunzip {path.name}")
    return unpacked
