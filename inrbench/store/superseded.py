"""Which files of a store others stand for: what was merged, and what was migrated."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import pyarrow.compute as pc

from inrbench.store.files import is_regular
from inrbench.store.identical import content_digests, duplicates
from inrbench.store.read import FILE, read_files
from inrbench.store.schema import SCHEMA, VERSION
from inrbench.store.write import is_compacted, is_single_attempt


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
    shared = duplicates(attempt for held in claims.values() for attempt in held)
    suspects = [path for path, held in claims.items() if held & shared]
    if not suspects:
        return set()
    table, _ = read_files([results / path for path in suspects], [*SCHEMA.names, FILE.name])
    held: dict[PurePosixPath, set[tuple[str, str]]] = {}
    for path in suspects:
        rows = table.filter(pc.equal(table[FILE.name], str(results / path))).select(SCHEMA.names)
        held[path] = {(attempt, digest) for attempt, digests in content_digests(rows).items() for digest in digests}
    found, seen = set[PurePosixPath](), set[tuple[str, str]]()
    for path in sorted(
        suspects, key=lambda path: (not is_compacted(Path(path)), -len(held[path]), not _is_current(results / path), path)
    ):
        if held[path] and held[path] <= seen:
            found.add(path)
        seen |= held[path]
    return found


def _claims(results: Path, members: Iterable[PurePosixPath]) -> Mapping[PurePosixPath, set[str]]:
    """Return file -> the attempts that it says it holds; of one that holds one attempt its name tells."""
    claims = {path: {path.name.split(".")[1]} for path in members if is_single_attempt(Path(path))}
    opened = [path for path in members if path not in claims]
    table, _ = read_files([results / path for path in opened if is_regular(results / path)], ["attempt_id", FILE.name])
    for file, attempt in zip(table[FILE.name].to_pylist(), table["attempt_id"].to_pylist(), strict=True):
        claims.setdefault(PurePosixPath(Path(file).relative_to(results).as_posix()), set()).add(attempt)
    return claims


def _is_current(path: Path) -> bool:
    """Whether a file holds rows of today's form, for which old ones stand back."""
    table, _ = read_files([path], ["engine"])
    return table.num_rows > 0 and not table["engine"].null_count
