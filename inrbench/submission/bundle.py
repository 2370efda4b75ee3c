"""The folder of a submission: the method's file, its runs, the environment, and a manifest with the hash of each file."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import inrbench
from inrbench.data import file_sha256
from inrbench.errors import BadValue, NothingFound, StoreError
from inrbench.limits import MAX_SUBMISSION_BYTES
from inrbench.registry import Registry
from inrbench.registry.code import imported_files
from inrbench.spec import name_error
from inrbench.store import export_compact, read_runs
from inrbench.store.files import is_regular, read_regular
from inrbench.store.read_guard import read_json

MANIFEST = "submission.json"
RESULTS = "results"
ENVIRONMENT = "environment.txt"
FORMAT = 1
MAX_FILES = 1000
"""Largest number of files and folders of a submission."""
MAX_DEPTH = 8
"""Largest number of folders within each other."""


@dataclass(frozen=True)
class Bundle:
    """The manifest of a submission.

    Args:
        methods: Names of the methods in the plugin file.
        plugin: Name of the plugin file.
        code_sha256: Hash of the plugin's code, as in its runs.
        author: Name of the person or group that submits.
        inrbench: Version of inrbench.
        files: Path in the folder -> SHA-256 of each file, without the manifest.
        format: Version of this format.
    """

    methods: tuple[str, ...]
    plugin: str
    code_sha256: str
    author: str
    inrbench: str
    files: dict[str, str]
    format: int = FORMAT


def write_bundle(plugin: Path, results: Path, target: Path, author: str, tasks: Container[str] | None = None) -> Bundle:
    """Write the folder of a submission and return its manifest.

    Args:
        plugin: File with the methods to submit.
        results: Results folder with their runs.
        target: The folder to write; new or empty.
        author: Name of the person or group that submits.
        tasks: Tasks whose runs are submitted; None for all.

    Raises:
        BadValue: The file contains no method, or the target is not empty.
        NothingFound: There are no runs of this code.
        StoreError: The target cannot be written.
    """
    plugin = plugin.resolve()
    registry = Registry([plugin])
    methods = tuple(name for name in registry.names_in(plugin) if name in registry.methods)
    if not methods:
        raise BadValue(f"{plugin.name} registers no method; a submission is a file with methods: inrbench new method NAME")
    if target.exists() and any(target.iterdir()):
        raise BadValue(f"-o {target}: this folder is not empty; choose a new one")
    code = registry.source("method", methods[0]).sha256()
    files = (plugin, *imported_files(plugin))
    if outside := [file for file in files if not file.is_relative_to(plugin.parent)]:
        raise BadValue(f"{plugin.name} imports {outside[0].name}, which is not in its folder; move it there, and run it again")
    _refuse_without_runs(results, methods, code, plugin.name)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            merged = export_compact(results, Path(scratch) / RESULTS, tasks)
            rows = {path: _submitted(path, code, registry) for path in merged.written if path.stem in methods}
            if not any(table.num_rows for table in rows.values()):
                raise NothingFound(f"'{results}' has no runs of {', '.join(methods)} on built-in signals of these tasks")
            for path, table in rows.items():
                if table.num_rows:
                    where = target / path.relative_to(scratch)
                    where.parent.mkdir(parents=True, exist_ok=True)
                    pq.write_table(_without_private_paths(table, plugin.name), where, compression="zstd")
        for file in files:
            where = target / file.relative_to(plugin.parent)
            where.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, where)
        (target / ENVIRONMENT).write_text(_environment(), encoding="utf-8")
        bundle = Bundle(methods, plugin.name, code, author, inrbench.__version__, _hashes(target))
        (target / MANIFEST).write_text(json.dumps(asdict(bundle), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        _empty(target)  # it was empty before; a part of a submission would block the next try
        raise StoreError(f"cannot write to {target}: {error.strerror or error}; choose another folder with -o") from error
    return bundle


def _empty(folder: Path) -> None:
    """Remove what is in a folder, as far as possible."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _submitted(path: Path, code: str, registry: Registry) -> pa.Table:
    """Return the rows of a file that others can check: of this code, on built-in signals, and no trials of a search."""
    table = pq.read_table(path)
    chosen = [
        row["method_sha256"] == code and not_submittable(row, registry) is None
        for row in table.select(["method_sha256", "track", "task", "signal"]).to_pylist()
    ]
    return table.filter(pa.array(chosen, pa.bool_()))


def not_submittable(row: Mapping[str, Any], registry: Registry) -> str | None:
    """Return why others cannot check a row, or None if they can.

    Args:
        row: The row, with at least its task, signal and track.
        registry: The registry that describes the tasks.
    """
    task = row["task"]
    if task not in registry.tasks or registry.source("task", task).origin != "builtin":
        return f"the task {task} is not a built-in one"
    if row["signal"] not in registry.task(task).signals():
        return f"{task} has no built-in signal {row['signal']}"
    return "it is a trial of a search" if row["track"] == "search" else None


def _without_private_paths(table: pa.Table, plugin: str) -> pa.Table:
    """Return rows that name the plugin by its file name only, and without tracebacks, which contain paths of the machine."""
    place = table.schema.get_field_index("plugin_origin")
    table = table.set_column(place, table.schema.field(place), pa.array([f"file:{plugin}"] * len(table), pa.string()))
    place = table.schema.get_field_index("traceback")
    return table.set_column(place, table.schema.field(place), pa.nulls(len(table), table.schema.field(place).type))


def read_bundle(folder: Path) -> Bundle:
    """Return the manifest of a submission, which may come from an untrusted source.

    Raises:
        BadValue: It cannot be read, has another form, or does not describe the files of the folder.
    """
    try:
        content = read_json(read_regular(folder / MANIFEST))
        bundle = Bundle(
            methods=tuple(map(str, content["methods"])),
            plugin=str(content["plugin"]),
            code_sha256=str(content["code_sha256"]),
            author=str(content["author"]),
            inrbench=str(content["inrbench"]),
            files={str(name): str(digest) for name, digest in content["files"].items()},
            format=int(content["format"]),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadValue(f"{folder} is not a submission: {MANIFEST} cannot be read ({type(error).__name__}: {error})") from error
    if bundle.format != FORMAT:
        raise BadValue(f"{folder}: its format is {bundle.format}, this version of inrbench reads {FORMAT}")
    if why := next(filter(None, map(name_error, bundle.methods)), None):
        raise BadValue(f"{folder}: {why}")
    if not bundle.methods or bundle.plugin not in bundle.files or PurePosixPath(bundle.plugin).suffix != ".py":
        raise BadValue(f"{folder}: its plugin '{bundle.plugin}' is not one of its files")
    found = _hashes(folder)
    if "/" in bundle.plugin or "\\" in bundle.plugin:
        raise BadValue(f"{folder}: its plugin '{bundle.plugin}' is not at the top of the folder")
    code = _python_files(folder / bundle.plugin)
    if foreign := sorted(name for name in found if not _belongs(name, code)):
        raise BadValue(
            f"{folder}: {foreign[0]} is not part of a submission: the plugin, the Python files that it imports, {ENVIRONMENT} "
            f"and {RESULTS}/TASK/METHOD.parquet are"
        )
    if missing := sorted(bundle.files.keys() - found):
        raise BadValue(f"{folder}: {missing[0]} is missing")
    if spare := sorted(found.keys() - bundle.files):
        raise BadValue(f"{folder}: {spare[0]} is not in {MANIFEST}")
    if changed := sorted(name for name, digest in bundle.files.items() if found[name] != digest):
        raise BadValue(f"{folder}: {changed[0]} was changed after the submission was made")
    return bundle


def _python_files(plugin: Path) -> frozenset[str]:
    """Return the names of a plugin and of the Python files next to it that it imports."""
    imported = (file.relative_to(plugin.parent.resolve()).as_posix() for file in imported_files(plugin))
    return frozenset(name for name in (plugin.name, *imported) if name.endswith(".py"))


def _belongs(name: str, code: Container[str]) -> bool:
    """Return whether a file may be in a submission. Python would execute others in place of the files that a reviewer reads.

    Args:
        name: The file's path in the folder.
        code: The Python files that are allowed.
    """
    path = PurePosixPath(name)
    if path.parts[0] == RESULTS:
        return len(path.parts) == 3 and path.suffix == ".parquet"
    return name == ENVIRONMENT or name in code


def _hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a submission but its manifest.

    Raises BadValue for a link, anything that is no regular file, too many files, or a file that is too large.
    """
    found: dict[str, str] = {}
    entries = size = 0
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(where) / name
            inside = path.relative_to(folder).as_posix()
            entries += 1
            if entries > MAX_FILES or inside.count("/") >= MAX_DEPTH:
                raise BadValue(
                    f"{folder} has more than {MAX_FILES} files and folders, or more than {MAX_DEPTH} within each other"
                )
            if path.is_symlink() or (name in files and not is_regular(path)):
                raise BadValue(f"{folder}: {inside} is a link or no regular file; a submission has only files of its own")
            if name in folders or inside == MANIFEST:
                continue
            size += path.stat().st_size
            if size > MAX_SUBMISSION_BYTES:
                raise BadValue(f"{folder} is larger than {MAX_SUBMISSION_BYTES:,} bytes")
            found[inside] = file_sha256(path)
    return found


@contextmanager
def private_copy(folder: Path) -> Iterator[Path]:
    """Copy the files of a submission to a folder that nobody else knows, and check the copy against its manifest.

    What is checked there is what is executed and accepted, whatever happens to the folder meanwhile. Raises BadValue as
    ``read_bundle``.
    """
    read_bundle(folder)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "submission"
        try:
            shutil.copytree(folder, copy, symlinks=True)
        except (OSError, shutil.Error) as error:
            raise BadValue(f"{folder} cannot be read: {error}") from error
        read_bundle(copy)
        yield copy


def _refuse_without_runs(results: Path, methods: tuple[str, ...], code: str, plugin: str) -> None:
    """Raise NothingFound if a method has no runs that ended ok, or none of this code."""
    table = read_runs(results, ["method", "method_sha256", "status"]).table.to_pandas()
    for method in methods:
        runs = table[(table["method"] == method) & (table["status"] == "ok")]
        if not len(runs):
            raise NothingFound(
                f"'{results}' has no runs of {method}; make some: inrbench run --methods ./{plugin},siren --tasks kodak "
                "--protocol standard"
            )
        if not (runs["method_sha256"] == code).any():
            raise NothingFound(f"the runs of {method} in '{results}' are of other code than {plugin}; run it again")


def _environment() -> str:
    """Return Python's version and all installed packages, one per line."""
    packages = sorted({f"{each.metadata['Name']}=={each.version}" for each in metadata.distributions()}, key=str.lower)
    return "\n".join([f"# Python {sys.version.split()[0]}, {sys.platform}", *packages]) + "\n"
