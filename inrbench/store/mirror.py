"""A results folder in an object store (``s3://bucket/prefix``): worked on in a mirror here, brought in step before and after.

An object store has no rename and no flush, and no run should wait for a network. So runs end up in a folder like any other, and
what one side lacks is copied to it whole: an object is there entirely or not at all. Attempts and artifacts never change and
have names of their own, so neither side can be wrong, and whoever dies on the way leaves only work for the next command.
"""

import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import platformdirs
import pyarrow as pa

from inrbench.errors import BadValue, StoreError
from inrbench.store.read import read_files
from inrbench.store.write import MARK, is_packed, write_atomically

log = logging.getLogger(__name__)
Files = dict[PurePosixPath, float]
"""Path below the results folder -> when it was written, seconds since 1970."""
ROOTS = ("artifacts", "profile", "tuned", "store")
"""What is shared, in the order it is copied: a row comes after the files that it speaks of. Leases are of one machine."""
CHANGING = "tuned"
"""The only files that are written anew under the same name: of these the newer one holds."""
TRIAL = PurePosixPath(".trial")
PAUSE_SECONDS = 5.0
SHARE_OF_TIME = 0.1
"""At most so much of the time is spent on keeping in step."""
UNREACHED = (OSError, pa.ArrowException)


def is_remote(results: str) -> bool:
    """Whether a text names an object store and no folder here."""
    return re.match(r"[a-z][a-z0-9]+://", results) is not None


@dataclass(frozen=True)
class Mirror:
    """The results folder ``folder`` that stands for ``uri``, whose objects lie below ``prefix`` of a pyarrow file system."""

    uri: str
    folder: Path
    filesystem: Any
    prefix: PurePosixPath

    def exchange(self, artifacts: bool = False) -> None:
        """Copy what either side lacks; of artifacts only what is missing there, unless asked for. Raises StoreError.

        Attempts that a merged file holds are then removed from both sides: see ``pack``.
        """
        try:
            here, there = self._here(), self._there()
            for path in _in_order(here, there):
                self._send(path)
            for path in _in_order(there, here):
                if artifacts or path.parts[0] != "artifacts":
                    self._fetch(path, there[path])
            merged = superseded(self.folder, {*here, *there})
            self.remove(self.folder / path for path in merged)
            for path in merged:
                (self.folder / path).unlink(missing_ok=True)
        except UNREACHED as error:
            raise StoreError(
                f"cannot bring {self.uri} in step: {_first_line(error)}. What is new here is kept in {self.folder}, "
                "and the next command with the same --results sends it"
            ) from error

    def check_writable(self) -> None:
        """Raise StoreError now rather than after the first run if nothing can be stored there."""
        try:
            self._write(TRIAL, b"")
        except UNREACHED as error:
            raise StoreError(
                f"cannot write to {self.uri}: {_first_line(error)}. Choose another folder with --results"
            ) from error
        self.remove([self.folder / TRIAL])

    def remove(self, paths: Iterable[Path]) -> None:
        """Remove the objects of files in the mirror; one that is not there, or may not be removed, is passed over."""
        for path in paths:
            with suppress(*UNREACHED):
                self.filesystem.delete_file(str(self.prefix / path.relative_to(self.folder).as_posix()))

    def _here(self) -> Files:
        found: Files = {}
        for root in ROOTS:
            for path in (self.folder / root).rglob("*"):
                relative = PurePosixPath(path.relative_to(self.folder).as_posix())
                if path.is_file() and _shared(relative):
                    with suppress(FileNotFoundError):  # merged meanwhile
                        found[relative] = path.stat().st_mtime
        return found

    def _there(self) -> Files:
        from pyarrow.fs import FileSelector, FileType

        listed = self.filesystem.get_file_info(FileSelector(str(self.prefix), recursive=True, allow_not_found=True))
        files = {PurePosixPath(each.path).relative_to(self.prefix): each for each in listed if each.type is FileType.File}
        return {path: each.mtime_ns / 1e9 for path, each in files.items() if _shared(path)}

    def _send(self, path: PurePosixPath) -> None:
        try:
            content = (self.folder / path).read_bytes()
        except FileNotFoundError:  # merged meanwhile: the merged file is sent the next time
            return
        self._write(path, content)

    def _write(self, path: PurePosixPath, content: bytes) -> None:
        with self.filesystem.open_output_stream(str(self.prefix / path)) as stream:  # visible when closed
            stream.write(content)

    def _fetch(self, path: PurePosixPath, written: float) -> None:
        try:
            with self.filesystem.open_input_stream(str(self.prefix / path)) as stream:
                content = stream.read()
        except FileNotFoundError:  # merged meanwhile by another machine
            return
        write_atomically(content, self.folder / path)
        os.utime(self.folder / path, (written, written))


def open_mirror(uri: str) -> Mirror:
    """Return the mirror of an object store's folder; nothing is copied yet. Raises BadValue and StoreError."""
    from pyarrow.fs import FileSystem

    place = uri.partition("://")[2].partition("/")[0]
    if "@" in place:
        raise BadValue("keys do not belong into --results: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
    try:
        filesystem, prefix = FileSystem.from_uri(uri)
    except (*UNREACHED, ValueError) as error:
        raise BadValue(f"--results {uri}: {_first_line(error)}; write s3://BUCKET/PREFIX") from error
    name = re.sub(r"[^A-Za-z0-9]+", "-", prefix).strip("-")[:40]
    digest = hashlib.sha256(uri.encode()).hexdigest()[:12]
    folder = Path(platformdirs.user_cache_dir("inrbench", appauthor=False)) / "mirrors" / f"{name}-{digest}"
    write_atomically(uri.encode(), folder / MARK)
    return Mirror(uri, folder, filesystem, PurePosixPath(prefix))


def mirror_of(results: Path) -> Mirror | None:
    """Return what a results folder is the mirror of, None for one of its own."""
    mark = results / MARK
    return open_mirror(mark.read_text("utf-8")) if mark.is_file() else None


@contextmanager
def kept_in_step(results: Path) -> Iterator[None]:
    """Exchange again and again while something goes on, if a results folder is a mirror; a failure is told once.

    Raises StoreError at once where nothing can be stored.
    """
    remote = mirror_of(results)
    if remote is None:
        yield
        return
    remote.check_writable()
    ended = threading.Event()
    thread = threading.Thread(target=_repeat, args=(remote.exchange, ended), name="mirror", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _repeat(exchange: Callable[[], None], ended: threading.Event) -> None:
    pause, told = PAUSE_SECONDS, False
    while not ended.wait(pause):
        start = time.monotonic()
        try:
            exchange()
            told = False
        except StoreError as error:
            if not told:
                log.warning("%s", error)
            told = True
        pause = max(PAUSE_SECONDS, (time.monotonic() - start) / SHARE_OF_TIME)


def superseded(results: Path, files: set[PurePosixPath]) -> set[PurePosixPath]:
    """Return the attempts' files all of whose attempts are in a merged file beside them, which is here and can be read."""
    found, folders = set[PurePosixPath](), dict[PurePosixPath, list[PurePosixPath]]()
    for path in files:
        if path.parts[0] == "store":
            folders.setdefault(path.parent, []).append(path)
    for members in folders.values():
        packed = [path for path in members if is_packed(Path(path))]
        if not packed or len(members) < 2:
            continue
        held = {path: _attempt_ids(results / path) for path in packed}
        seen = set[str]()
        for path in sorted(packed, key=lambda path: (-len(held[path]), path)):
            if held[path] and held[path] <= seen:
                found.add(path)
            seen |= held[path]
        found |= {path for path in members if path.name.count(".") == 3 and path.name.split(".")[1] in seen}
    return found


def _attempt_ids(path: Path) -> set[str]:
    table, _ = read_files([path], ["attempt_id"])
    return set(table["attempt_id"].to_pylist())


def _in_order(files: Files, others: Files) -> list[PurePosixPath]:
    """Return what is to be copied to the others' side, in the order of ROOTS."""
    new = [
        path for path, written in files.items() if path not in others or (path.parts[0] == CHANGING and written > others[path])
    ]
    return sorted(new, key=lambda path: (ROOTS.index(path.parts[0]), path))


def _shared(path: PurePosixPath) -> bool:
    return path.parts[0] in ROOTS and ".." not in path.parts and not any(part.startswith(".") for part in path.parts)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
