"""A results folder in an object store (``s3://bucket/prefix``), synchronised with a local mirror before and after work.

An object store has no rename and no flush, and no run should wait for a network. So runs are stored in a local folder like any
other, and files that one side lacks are copied to it as a whole: an object is complete or absent. Attempts and artifacts never
change and have unique names, so a process that is killed half way only leaves work for the next command. Others may write to
the object store, so fetched files are checked before they count.
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

from inrbench.errors import BadValue, StoreError, first_line
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
"""Largest share of the time that is spent on synchronisation."""
UNREACHED = (OSError, pa.ArrowException)


def is_remote(results: str) -> bool:
    """Return whether a text names an object store and not a local folder."""
    return re.match(r"[a-z][a-z0-9]+://", results) is not None


@dataclass(frozen=True)
class Mirror:
    """A local results folder that mirrors a folder in an object store.

    Args:
        uri: Address of the folder in the object store.
        folder: The local results folder.
        filesystem: The pyarrow file system of the object store.
        prefix: Path of the objects in that file system.
        refused: Files that were not copied.
    """

    uri: str
    folder: Path
    filesystem: Any
    prefix: PurePosixPath
    refused: dict[PurePosixPath, str] = field(default_factory=dict, compare=False)
    """Files that were not copied, with the reason: others may write to the object store."""

    def sync(self, artifacts: bool = False) -> None:
        """Copy what either side lacks. Artifacts are sent, but fetched only if ``artifacts`` is True. Raises StoreError.

        Fetched files are checked before they count: see ``path_error``. Files whose attempts are all stored in another file
        with the same content, after merging or migrating, are then removed from both sides.
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
            for path in sorted(here.keys() & there.keys() - gone):  # the object may not match its name
                changed = path.parts[0] != CHANGING and here[path].size != there[path].size
                if changed and path_error(self.folder / path, path) is None:
                    self._send(path)
            self.remove(self.folder / path for path in gone)
            for path in gone:
                (self.folder / path).unlink(missing_ok=True)
        except UNREACHED as error:
            raise StoreError(
                f"cannot synchronise {self.uri}: {first_line(error)}. New data is stored in {self.folder}, "
                "and the next command with the same --results sends it"
            ) from error

    def fetch_runs(self, task: str, method: str) -> None:
        """Fetch the rows that other machines stored for a task and method. ``sync`` reports a store that does not answer."""
        folder = attempt_folder(self.folder, task, method).relative_to(self.folder)
        with suppress(*UNREACHED):
            for path, seen in self._there(folder.as_posix()).items():
                if not (self.folder / path).exists() and path not in self.refused:
                    self._fetch(path, seen)

    def send_run(self, task: str, method: str, run_id: str) -> None:
        """Send the row of one run, after its artifacts. ``sync`` reports a store that does not answer.

        Args:
            task: Name of the task.
            method: Name of the method.
            run_id: Id of the run.
        """
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
        """Raise StoreError if nothing can be stored there. Called before the first run, to fail early."""
        try:
            self._write(TRIAL, b"")
        except UNREACHED as error:
            raise StoreError(
                f"cannot write to {self.uri}: {first_line(error)}. Choose another folder with --results"
            ) from error
        self.remove([self.folder / TRIAL])

    def remove(self, paths: Iterable[Path]) -> None:
        """Remove the objects of files in the mirror. Objects that do not exist or may not be removed are skipped."""
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
        """Return the artifacts that rows in the mirror list. Others may have been removed elsewhere, and are not sent again."""
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
            log.warning("%s/%s is skipped: it %s", self.uri, path, reason)
        self.refused[path] = reason


def open_mirror(uri: str, folder: Path | None = None) -> Mirror:
    """Return the mirror of a folder in an object store; nothing is copied yet.

    Args:
        uri: ``s3://bucket/prefix``, as the user gave it.
        folder: The local folder of the mirror; None for the default folder in the user's cache.

    Raises:
        BadValue: The address is not valid or contains keys.
        StoreError: The mirror cannot be written.
    """
    from pyarrow.fs import FileSystem

    place = uri.partition("://")[2].partition("/")[0]
    if "@" in place:
        raise BadValue("do not write keys into --results: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
    try:
        filesystem, prefix = FileSystem.from_uri(uri)
    except (*UNREACHED, ValueError) as error:
        raise BadValue(f"--results {uri}: {first_line(error)}; write s3://BUCKET/PREFIX") from error
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
    """Synchronise repeatedly while the block runs, if the results folder is a mirror. A failure is logged once.

    Raises StoreError at once if nothing can be stored.
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
