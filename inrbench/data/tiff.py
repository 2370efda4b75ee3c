"""Open TIFF files, and refuse those whose list of pages is damaged."""

import logging
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inrbench.errors import BadValue

TIFF = (".tif", ".tiff")
LOST_PAGES = "TiffPages"
"""Part of tifffile's messages on a list of pages that ends at a damaged place. It goes on with the pages before."""


@contextmanager
def open_tiff(path: Path) -> Iterator[Any]:
    """Open a TIFF file as a ``tifffile.TiffFile``. Its messages are not shown; those of other threads are.

    Raises:
        BadValue: Pages are missing: the list of pages is damaged, or the file says that it has more.
    """
    import tifffile

    log, messages = logging.getLogger("tifffile"), _Messages()
    log.addFilter(messages)  # it would print a line for every page of a damaged file
    try:
        with tifffile.TiffFile(path) as file:
            yield file
            if any(LOST_PAGES in text for text in messages.texts) or _is_cut(file):
                raise BadValue(f"{path} cannot be read as TIFF: its list of pages is damaged, so pages would be missing")
            _refuse_missing_pages(path, file)
    finally:
        log.removeFilter(messages)


def _is_cut(file: Any) -> bool:
    """Return whether the file ends before the link that says where the page after the last one is."""
    tiff, handle, last = file.tiff, file.filehandle, file.pages[len(file.pages) - 1].offset
    handle.seek(last)
    (tags,) = struct.unpack(tiff.tagnoformat, handle.read(tiff.tagnosize))
    return bool(last + tiff.tagnosize + tags * tiff.tagsize + tiff.offsetsize > handle.size)


def _refuse_missing_pages(path: Path, file: Any) -> None:
    """Compare the pages with the number that ImageJ or tifffile wrote into the file."""
    stated = (file.imagej_metadata or {}).get("images")
    if stated is None and len(file.pages) > 1 and len(file.series) == 1 and file.is_shaped:
        stated = file.series[0].size // max(1, file.pages[0].size)
    if stated is not None and stated != len(file.pages):
        raise BadValue(f"{path} cannot be read as TIFF: it says that it has {stated} pages, and has {len(file.pages)}")


def stated_bytes(page: Any) -> int:
    """Return the bytes of a page in memory, as its tags state them; 0 for a type of number that is not known."""
    return int(page.size * page.dtype.itemsize) if page.dtype is not None else 0


class _Messages(logging.Filter):
    """Collects the messages of this thread, and suppresses them."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        self.texts.append(record.getMessage())
        return False
