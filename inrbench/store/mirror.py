"""A results folder in an object store (``s3://bucket/prefix``): worked on in a mirror here, brought in step before and after.

An object store has no rename and no flush, and no run should wait for a network. So runs end up in a folder like any other, and
what one side lacks is copied to it whole: an object is there entirely or not at all. Attempts and artifacts never change and
have names of their own, so neither side can be wrong, and whoever dies on the way leaves only work for the next command.
"""

import hashlib
import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import platformdirs
import pyarrow as pa

from inrbench.errors import BadValue, StoreError
from inrbench.limits import MOST_MEDIA_BYTES, MOST_SMALL_FILE_BYTES, MOST_TABLE_BYTES
from inrbench.store.artifacts import fault_of_artifact
from inrbench.store.files import FETCHED, is_regular, read_regular, regular_files, remove, sweep, write_atomically
from inrbench.store.guard import fault_of_row
from inrbench.store.place import mark
from inrbench.store.read import FILE, read_files, store_files
from inrbench.store.remote import MARK, mirror_of, remember
from inrbench.store.same import contents, doubled
from inrbench.store.schema import SCHEMA, VERSION
from inrbench.store.write import attempt_folder, holds_one, is_packed, packed_name

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """A file as it was listed: when it was written, in seconds since 1970, and its bytes."""

    written: float
    size: int


Files = dict[PurePosixPath, Seen]
"""By their path below the results folder."""
ROOTS = ("artifacts", "profile", "tuned", "store")
"""What is shared, in the order it is copied: a row comes after the files that it speaks of. Leases are of one machine."""
NAME = r"[A-Za-z0-9._-]{1,100}"
ATTEMPTS = r"[0-9a-z_]{1,100}(\.[0-9a-z_]{1,40}){1,2}"
SHARED = {
    re.compile(r"artifacts/[0-9a-f]{32}(\.[A-Za-z0-9_]{1,20}){0,3}", re.ASCII): MOST_MEDIA_BYTES,
    re.compile(rf"profile/{NAME}\.json", re.ASCII): MOST_SMALL_FILE_BYTES,
    re.compile(r"tuned/[A-Za-z0-9._+-]{1,240}\.toml", re.ASCII): MOST_SMALL_FILE_BYTES,
    re.compile(rf"store/v{VERSION}/task={NAME}/method={NAME}/{ATTEMPTS}\.parquet", re.ASCII): MOST_TABLE_BYTES,
    re.compile(r"store/profiles/[0-9a-f]{24}\.parquet", re.ASCII): MOST_TABLE_BYTES,
}  # fmt: skip
"""What the files of ours are called that are shared, and the most bytes that are fetched of one."""
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
    refused: dict[PurePosixPath, str] = field(default_factory=dict, compare=False)
    """What lies in the object store and was not fetched, with the reason: others may write there."""

    def exchange(self, artifacts: bool = False) -> None:
        """Copy what either side lacks; of artifacts only what is missing there, unless asked for. Raises StoreError.

        What comes from there is looked at before it counts: see ``fault_of``. Attempts that another file holds with the same
        content, merged or migrated, are then removed from both sides.
        """
        try:
            sweep(self.folder)
            here, there = self._here(), self._there()
            for path in _in_order(there, here):
                if artifacts or path.parts[0] != "artifacts":
                    self._fetch(path, there[path])
            here = self._here()
            gone = superseded(self.folder, here)
            needed = self._needed_artifacts() if any(path.parts[0] == "artifacts" for path in here) else set()
            for path in _in_order(here, there):
                if path not in gone and (path.parts[0] != "artifacts" or path.name in needed):
                    self._send(path)
            for path in sorted(here.keys() & there.keys() - gone):  # what lies there may not be what its name says
                changed = path.parts[0] != CHANGING and here[path].size != there[path].size
                if changed and fault_of(self.folder / path, path) is None:
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
        """Fetch what other machines have stored of a task and method. A store that does not answer is told by ``exchange``."""
        folder = attempt_folder(self.folder, task, method).relative_to(self.folder)
        with suppress(*UNREACHED):
            for path, seen in self._there(folder.as_posix()).items():
                if not (self.folder / path).exists() and path not in self.refused:
                    self._fetch(path, seen)

    def send_run(self, task: str, method: str, run_id: str) -> None:
        """Send the row of one run, and its artifacts before it. A store that does not answer is told by ``exchange``."""
        folder = attempt_folder(self.folder, task, method)
        paths = list(regular_files(folder, lambda name: name.startswith(run_id)))
        table, _ = read_files(paths, ["artifacts"])
        names = sorted({each["file"] for held in table["artifacts"].to_pylist() for each in held or ()})
        with suppress(*UNREACHED):
            for path in [*(PurePosixPath("artifacts", name) for name in names), *map(self._relative, paths)]:
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
                if _most_bytes(relative) is not None:
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
        return {path: Seen(each.mtime_ns / 1e9, each.size) for path, each in files.items() if _most_bytes(path) is not None}

    def _needed_artifacts(self) -> set[str]:
        """Return the artifacts that rows here name: others were removed somewhere, and do not come back."""
        table, _ = read_files(store_files(self.folder), ["artifacts"])
        return {each["file"] for held in table["artifacts"].to_pylist() for each in held or ()}

    def _send(self, path: PurePosixPath) -> None:
        try:
            content = read_regular(self.folder / path, _most_bytes(path) or 0)
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
        most = _most_bytes(path) or 0
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
            if fault := fault_of(scratch, path):
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


def fault_of(file: Path, path: PurePosixPath) -> str | None:
    """Return why a file is not what may lie at ``path`` of a results folder, None if it is.

    An artifact and a merged file must have the digest that their names tell. A file of results must hold rows of the task and
    method of its folder, whose ids follow from their columns.
    """
    root = path.parts[0]
    if root == "artifacts":
        return fault_of_artifact(file)
    if root != "store" or path.parts[1] == "profiles":
        return None
    table, unreadable = read_files([file], SCHEMA.names)
    if unreadable:
        return f"cannot be read: {unreadable[file]}"
    if is_packed(Path(path)) and path.name != packed_name(file.read_bytes()):
        return "does not hold what its name says"
    rows = table.to_pylist()
    for row in rows:
        if (f"task={row['task']}", f"method={row['method']}") != path.parts[2:4]:
            return f"holds run {row['run_id'][:10]} of another task or method than its folder's"
        if fault := fault_of_row(row):
            return fault
    if holds_one(Path(path)):
        told = path.name.split(".")[:3]
        if [[row["run_id"], row["attempt_id"], row["status"]] for row in rows] != [told]:
            return "does not hold the attempt that its name says"
    return None


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
    mirror = Mirror(uri, folder, filesystem, PurePosixPath(prefix))
    remember(mirror)
    return mirror


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


def superseded(results: Path, files: Iterable[PurePosixPath]) -> set[PurePosixPath]:
    """Return the files of a store that others beside them stand for: they hold each of its attempts, with the same content.

    Merged files stand for single ones, and what was migrated for what it was made of: an old row is the same as the new one
    once it is brought to today's form. A file that claims an attempt and holds something else stands for nothing.
    """
    found, folders = set[PurePosixPath](), dict[PurePosixPath, list[PurePosixPath]]()
    for path in files:
        if path.parts[:2] == ("store", f"v{VERSION}"):
            folders.setdefault(path.parent, []).append(path)
    for members in folders.values():
        if len(members) > 1:
            found |= _superseded_in_one_folder(results, members)
    return found


def _superseded_in_one_folder(results: Path, members: list[PurePosixPath]) -> set[PurePosixPath]:
    claims = _claims(results, members)
    shared = doubled(attempt for held in claims.values() for attempt in held)
    suspects = [path for path, held in claims.items() if held & shared]
    if not suspects:
        return set()
    table, _ = read_files([results / path for path in suspects], [*SCHEMA.names, FILE.name])
    held: dict[PurePosixPath, set[tuple[str, str]]] = {}
    for path in suspects:
        rows = table.filter(pa.compute.equal(table[FILE.name], str(results / path))).select(SCHEMA.names)
        held[path] = {(attempt, digest) for attempt, digests in contents(rows).items() for digest in digests}
    found, seen = set[PurePosixPath](), set[tuple[str, str]]()
    for path in sorted(
        suspects, key=lambda path: (not is_packed(Path(path)), -len(held[path]), not _is_todays(results / path), path)
    ):
        if held[path] and held[path] <= seen:
            found.add(path)
        seen |= held[path]
    return found


def _claims(results: Path, members: Iterable[PurePosixPath]) -> Mapping[PurePosixPath, set[str]]:
    """Return file -> the attempts that it says it holds; of one that holds one attempt its name tells."""
    claims = {path: {path.name.split(".")[1]} for path in members if holds_one(Path(path))}
    opened = [path for path in members if path not in claims]
    table, _ = read_files([results / path for path in opened if is_regular(results / path)], ["attempt_id", FILE.name])
    for file, attempt in zip(table[FILE.name].to_pylist(), table["attempt_id"].to_pylist(), strict=True):
        claims.setdefault(PurePosixPath(Path(file).relative_to(results).as_posix()), set()).add(attempt)
    return claims


def _is_todays(path: Path) -> bool:
    """Whether a file holds rows of today's form, for which old ones stand back."""
    table, _ = read_files([path], ["engine"])
    return table.num_rows > 0 and not table["engine"].null_count


def _in_order(files: Files, others: Files) -> list[PurePosixPath]:
    """Return what is to be copied to the others' side, in the order of ROOTS."""
    new = [
        path for path, seen in files.items()
        if path not in others or (path.parts[0] == CHANGING and seen.written > others[path].written)
    ]  # fmt: skip
    return sorted(new, key=lambda path: (ROOTS.index(path.parts[0]), path))


def _most_bytes(path: PurePosixPath) -> int | None:
    """Return the most bytes that are copied of a file that is shared, None for one that is not."""
    text = path.as_posix()
    return next((most for pattern, most in SHARED.items() if pattern.fullmatch(text)), None)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
