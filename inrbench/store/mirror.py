"""A results folder in an object store (``s3://bucket/prefix``): worked on in a mirror here, brought in step before and after.

An object store has no rename and no flush, and no run should wait for a network. So runs end up in a folder like any other, and
what one side lacks is copied to it whole: an object is there entirely or not at all. Attempts and artifacts never change and
have names of their own, so whoever dies on the way leaves only work for the next command. Others may write there, so what is
fetched is looked at before it counts.
"""

import hashlib
import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import platformdirs
import pyarrow as pa

from inrbench.errors import BadValue, StoreError
from inrbench.store.artifacts import files_named
from inrbench.store.files import FETCHED, is_regular, read_regular, regular_files, remove, sweep, write_atomically
from inrbench.store.processes import mark
from inrbench.store.read import read_files, store_files
from inrbench.store.remote import MARK, mirror_of, remember
from inrbench.store.superseded import superseded
from inrbench.store.sync_rules import CHANGING, ROOTS, Files, Seen, in_order, most_bytes, path_error
from inrbench.store.write import attempt_folder

log = logging.getLogger(__name__)
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
    refused: dict[PurePosixPath, str] = field(default_factory=dict, compare=False)
    """What lies in the object store and was not fetched, with the reason: others may write there."""

    def sync(self, artifacts: bool = False) -> None:
        """Copy what either side lacks; of artifacts only what is missing there, unless asked for. Raises StoreError.

        What comes from there is looked at before it counts: see ``path_error``. Attempts that another file holds with the same
        content, merged or migrated, are then removed from both sides.
        """
        try:
            here, there = self._here(), self._there()
            new = [path for path in in_order(there, here) if artifacts or path.parts[0] != "artifacts"]
            for path in new:
                self._fetch(path, there[path])
            here = self._here() if new else here
            gone = superseded(self.folder, here)
            needed = self._needed_artifacts() if any(path.parts[0] == "artifacts" for path in here) else set()
            for path in in_order(here, there):
                if path not in gone and (path.parts[0] != "artifacts" or path.name in needed):
                    self._send(path)
            for path in sorted(here.keys() & there.keys() - gone):  # what lies there may not be what its name says
                changed = path.parts[0] != CHANGING and here[path].size != there[path].size
                if changed and path_error(self.folder / path, path) is None:
                    self._send(path)
            self.remove(self.folder / path for path in gone)
            for path in gone:
                (self.folder / path).unlink(missing_ok=True)
        except UNREACHED as error:
            raise StoreError(
                f"cannot bring {self.uri} in step: {_first_line(error)}. What is new here is kept in {self.folder}, "
                "and the next command with the same --results sends it"
            ) from error

    def fetch_runs(self, task: str, method: str) -> None:
        """Fetch what other machines have stored of a task and method. A store that does not answer is told by ``sync``."""
        folder = attempt_folder(self.folder, task, method).relative_to(self.folder)
        with suppress(*UNREACHED):
            for path, seen in self._there(folder.as_posix()).items():
                if not (self.folder / path).exists() and path not in self.refused:
                    self._fetch(path, seen)

    def send_run(self, task: str, method: str, run_id: str) -> None:
        """Send the row of one run, and its artifacts before it. A store that does not answer is told by ``sync``."""
        folder = attempt_folder(self.folder, task, method)
        paths = list(regular_files(folder, lambda name: name.startswith(run_id)))
        table, _ = read_files(paths, ["artifacts"])
        with suppress(*UNREACHED):
            for path in [
                *(PurePosixPath("artifacts", name) for name in sorted(files_named(table))),
                *map(self._relative, paths),
            ]:
                if is_regular(self.folder / path):
                    self._send(path)

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
            for path in regular_files(self.folder / root, lambda name: not name.startswith(".")):
                relative = self._relative(path)
                if most_bytes(relative) is not None:
                    with suppress(FileNotFoundError):  # merged meanwhile
                        facts = path.stat()
                        found[relative] = Seen(facts.st_mtime, facts.st_size)
        return found

    def _relative(self, path: Path) -> PurePosixPath:
        return PurePosixPath(path.relative_to(self.folder).as_posix())

    def _there(self, folder: str = "") -> Files:
        from pyarrow.fs import FileSelector, FileType

        place = str(self.prefix / folder)
        listed = self.filesystem.get_file_info(FileSelector(place, recursive=True, allow_not_found=True))
        files = {PurePosixPath(each.path).relative_to(self.prefix): each for each in listed if each.type is FileType.File}
        return {path: Seen(each.mtime_ns / 1e9, each.size) for path, each in files.items() if most_bytes(path) is not None}

    def _needed_artifacts(self) -> set[str]:
        """Return the artifacts that rows here name: others were removed somewhere, and do not come back."""
        table, _ = read_files(store_files(self.folder), ["artifacts"])
        return files_named(table)

    def _send(self, path: PurePosixPath) -> None:
        try:
            content = read_regular(self.folder / path, most_bytes(path) or 0)
        except FileNotFoundError:  # merged meanwhile: the merged file is sent the next time
            return
        except ValueError as error:
            self._refuse(path, str(error))
            return
        self._write(path, content)

    def _write(self, path: PurePosixPath, content: bytes) -> None:
        with self.filesystem.open_output_stream(str(self.prefix / path)) as stream:  # visible when closed
            stream.write(content)

    def _fetch(self, path: PurePosixPath, seen: Seen) -> None:
        most = most_bytes(path) or 0
        if seen.size > most:
            self._refuse(path, f"has {seen.size:,} bytes; at most {most:,} are read")
            return
        try:
            with self.filesystem.open_input_stream(str(self.prefix / path)) as stream:
                content = stream.read(most + 1)
        except FileNotFoundError:  # merged meanwhile by another machine
            return
        apart = Path(tempfile.mkdtemp(dir=self.folder, prefix=f"{FETCHED}{mark()}."))
        scratch = apart / path
        try:
            write_atomically(content, scratch)
            if fault := path_error(scratch, path):
                self._refuse(path, fault)
                return
            os.utime(scratch, (seen.written, seen.written))
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            scratch.replace(self.folder / path)
        finally:
            remove(apart)

    def _refuse(self, path: PurePosixPath, reason: str) -> None:
        if path not in self.refused:
            log.warning("%s/%s is passed over: it %s", self.uri, path, reason)
        self.refused[path] = reason


def open_mirror(uri: str, folder: Path | None = None) -> Mirror:
    """Return the mirror of an object store's folder; nothing is copied yet. Raises BadValue and StoreError.

    Args:
        uri: ``s3://bucket/prefix``, as the user gave it.
        folder: Where the mirror lies; None for its place in the user's cache.
    """
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
    folder = folder or Path(platformdirs.user_cache_dir("inrbench", appauthor=False)) / "mirrors" / f"{name}-{digest}"
    sweep(folder)
    write_atomically(uri.encode(), folder / MARK)
    mirror = Mirror(uri, folder, filesystem, PurePosixPath(prefix))
    remember(mirror)
    return mirror


@contextmanager
def keep_synced(results: Path) -> Iterator[None]:
    """Exchange again and again while something goes on, if a results folder is a mirror; a failure is told once.

    Raises StoreError at once where nothing can be stored.
    """
    remote = mirror_of(results)
    if remote is None:
        yield
        return
    remote.check_writable()
    ended = threading.Event()
    thread = threading.Thread(target=_repeat, args=(remote.sync, ended), name="mirror", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _repeat(sync: Callable[[], None], ended: threading.Event) -> None:
    pause, reported = PAUSE_SECONDS, False
    while not ended.wait(pause):
        start = time.monotonic()
        try:
            sync()
            reported = False
        except StoreError as error:
            if not reported:
                log.warning("%s", error)
            reported = True
        pause = max(PAUSE_SECONDS, (time.monotonic() - start) / SHARE_OF_TIME)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
