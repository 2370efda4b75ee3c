"""Superseded files of a store: those that merged or migrated files replace."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import pyarrow.compute as pc

from inrbench.store.files import is_regular
from inrbench.store.identical import content_digests, duplicates
from inrbench.store.read import FILE, read_files
from inrbench.store.schema import SCHEMA, VERSION
from inrbench.store.write import is_compacted, is_single_attempt


def superseded(results: Path, files: Iterable[PurePosixPath]) -> set[PurePosixPath]:
    """Return the files of a store that other files in the same folder replace: every attempt is there with the same content.

    Merged files replace single ones, and migrated files replace their originals: an old row equals the new one once it is
    converted to the current form. A file that claims an attempt but has different content replaces nothing.
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
    shared = duplicates(attempt for digests_of in claims.values() for attempt in digests_of)
    suspects = [path for path, digests_of in claims.items() if digests_of & shared]
    if not suspects:
        return set()
    table, _ = read_files([results / path for path in suspects], [*SCHEMA.names, FILE.name])
    digests_of: dict[PurePosixPath, set[tuple[str, str]]] = {}
    for path in suspects:
        rows = table.filter(pc.equal(table[FILE.name], str(results / path))).select(SCHEMA.names)
        digests_of[path] = {(attempt, digest) for attempt, digests in content_digests(rows).items() for digest in digests}
    found, seen = set[PurePosixPath](), set[tuple[str, str]]()
    for path in sorted(
        suspects, key=lambda path: (not is_compacted(Path(path)), -len(digests_of[path]), not _is_current(results / path), path)
    ):
        if digests_of[path] and digests_of[path] <= seen:
            found.add(path)
        seen |= digests_of[path]
    return found


def _claims(results: Path, members: Iterable[PurePosixPath]) -> Mapping[PurePosixPath, set[str]]:
    """Return a dict from file to the attempts it claims to contain. A single-attempt file states its attempt in its name."""
    claims = {path: {path.name.split(".")[1]} for path in members if is_single_attempt(Path(path))}
    opened = [path for path in members if path not in claims]
    table, _ = read_files([results / path for path in opened if is_regular(results / path)], ["attempt_id", FILE.name])
    for file, attempt in zip(table[FILE.name].to_pylist(), table["attempt_id"].to_pylist(), strict=True):
        claims.setdefault(PurePosixPath(Path(file).relative_to(results).as_posix()), set()).add(attempt)
    return claims


def _is_current(path: Path) -> bool:
    """Return whether the rows of a file have the current form. Such a file is preferred to one in an old form."""
    table, _ = read_files([path], ["engine"])
    return table.num_rows > 0 and not table["engine"].null_count
