"""The folder of a submission: the method's file, its runs, the environment, and a manifest with the hash of each file."""

import json
import shutil
import sys
import tempfile
from collections.abc import Container
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

import inrbench
from inrbench.data import file_sha256
from inrbench.errors import BadValue, NothingFound, StoreError
from inrbench.limits import MAX_MEDIA_BYTES
from inrbench.registry import Registry
from inrbench.registry.code import imported_files
from inrbench.spec import name_error
from inrbench.store import export_compact, read_runs
from inrbench.store.files import is_regular, read_regular, regular_files
from inrbench.store.read_guard import read_json

MANIFEST = "submission.json"
RESULTS = "results"
ENVIRONMENT = "environment.txt"
FORMAT = 1
MAX_FILES = 1000
"""Largest number of files of a submission."""


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
    _refuse_without_runs(results, methods, code, plugin.name)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            merged = export_compact(results, Path(scratch) / RESULTS, tasks)
            own = [path for path in merged.written if path.stem in methods]
            if not own:
                raise NothingFound(f"'{results}' has no runs of {', '.join(methods)} on these tasks")
            for path in own:
                where = target / path.relative_to(scratch)
                where.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, where)
        for file in (plugin, *imported_files(plugin)):
            where = target / file.relative_to(plugin.parent)
            where.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, where)
        (target / ENVIRONMENT).write_text(_environment(), encoding="utf-8")
        bundle = Bundle(methods, plugin.name, code, author, inrbench.__version__, _hashes(target))
        (target / MANIFEST).write_text(json.dumps(asdict(bundle), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write to {target}: {error.strerror or error}; choose another folder with -o") from error
    return bundle


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
    if missing := sorted(bundle.files.keys() - found):
        raise BadValue(f"{folder}: {missing[0]} is missing, or is a link")
    if spare := sorted(found.keys() - bundle.files):
        raise BadValue(f"{folder}: {spare[0]} is not in {MANIFEST}")
    if changed := sorted(name for name, digest in bundle.files.items() if found[name] != digest):
        raise BadValue(f"{folder}: {changed[0]} was changed after the submission was made")
    return bundle


def _hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a submission but its manifest. Links are left out."""
    found: dict[str, str] = {}
    for path in regular_files(folder, lambda name: name != MANIFEST):
        if len(found) == MAX_FILES:
            raise BadValue(f"{folder} has more than {MAX_FILES} files")
        if path.stat().st_size > MAX_MEDIA_BYTES:
            raise BadValue(f"{path} is larger than {MAX_MEDIA_BYTES:,} bytes")
        if is_regular(path) and "__pycache__" not in path.parts:
            found[path.relative_to(folder).as_posix()] = file_sha256(path)
    return found


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
