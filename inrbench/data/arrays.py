"""Read NumPy files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inrbench.errors import BadValue, first_line

NUMPY = ".npy"
"""Ending of the files that ``read_array`` reads."""


def read_array(path: Path) -> NDArray[Any]:
    """Return the array in a NumPy file.

    Raises:
        FileNotFoundError: There is no such file.
        BadValue: It cannot be read, contains Python objects, or is an archive of several arrays.
    """
    try:
        with path.open("rb") as file:  # an archive would keep the file open
            array: object = np.load(file, allow_pickle=False)
    except FileNotFoundError:
        raise
    except Exception as error:  # NumPy raises many kinds of error for a damaged header
        raise BadValue(f"{path} cannot be read as a NumPy array: {first_line(error)}") from error
    if not isinstance(array, np.ndarray):
        raise BadValue(
            f"{path} cannot be read as a NumPy array: it is an archive of arrays (.npz); save one array with np.save"
        )
    if array.nbytes != _stored_bytes(path):
        raise BadValue(f"{path} cannot be read as a NumPy array: it contains more values than its header describes")
    return array


def _stored_bytes(path: Path) -> int:
    """Return the number of bytes after the header of a NumPy file."""
    with path.open("rb") as file:
        head = file.read(12)
    start = 10 + int.from_bytes(head[8:10], "little") if head[6] == 1 else 12 + int.from_bytes(head[8:12], "little")
    return path.stat().st_size - start
