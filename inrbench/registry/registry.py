"""The registry of all plugins, with one plugin per name.

The names are found without running files. A file is run when its plugin is requested.
"""

import hashlib
import importlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType

from inrbench.errors import PLUGIN_MODULE_PREFIX, BrokenPlugin, NameCollision, plugin_location, unknown_name
from inrbench.registry.code import imported_files
from inrbench.registry.discover import FOLDERS, Declaration, Kind, Source, declarations
from inrbench.registry.method import Method
from inrbench.registry.task import Task

IMPORT_SECONDS = 120


class Registry:
    """All methods and tasks, including those of the user's plugin files."""

    def __init__(self, files: Sequence[str | Path] = ()) -> None:
        self.files = tuple(dict.fromkeys(Path(file).resolve() for file in files))

    @cached_property
    def methods(self) -> dict[str, Declaration]:
        """Name -> declaration of every method, including broken ones."""
        return _by_name("method", self._declared["method"], self._declared["task"])

    @cached_property
    def tasks(self) -> dict[str, Declaration]:
        """Name -> declaration of every task, including broken ones."""
        return _by_name("task", self._declared["task"], self._declared["method"])

    @cached_property
    def _declared(self) -> dict[Kind, list[Declaration]]:
        return {kind: declarations(kind, self.files) for kind in FOLDERS}

    def method(self, name: str) -> Method:
        """Return a method, importing its file. Raises UnknownName or BrokenPlugin."""
        declaration = self._find("method", name)
        for value in vars(_load(declaration.source)).values():
            if isinstance(value, Method) and value.name == name:
                _check_types(value, declaration.source)
                return value
        raise BrokenPlugin(f"{declaration.source.path} declares method '{name}' but does not define it when it is run")

    def task(self, name: str) -> Task:
        """Return a task, importing its file. Raises UnknownName or BrokenPlugin."""
        declaration = self._find("task", name)
        for value in vars(_load(declaration.source)).values():
            if isinstance(value, type) and issubclass(value, Task) and value.name == name:
                return value()
        raise BrokenPlugin(f"{declaration.source.path} declares task '{name}' but does not define it when it is run")

    def source(self, kind: Kind, name: str) -> Source:
        """Return the origin of a plugin. Raises UnknownName or BrokenPlugin."""
        return self._find(kind, name).source

    def names_in(self, file: Path) -> list[str]:
        """Return the names of the methods that a user's file registers. Raises BrokenPlugin if there are none."""
        found = [d for d in self.methods.values() if d.source.path == file.resolve()]
        if not found:
            raise BrokenPlugin(f"{file} does not register a method")
        if found[0].broken:
            raise BrokenPlugin(f"{file} is broken: {found[0].broken}")
        return [declaration.name for declaration in found]

    def check_third_party(self) -> dict[str, str]:
        """Import every plugin that is not built in, each in a child process, and return name -> reason for those that fail.

        The child process protects the caller from a plugin that crashes, hangs or exits.
        """
        found = [d for d in (*self.methods.values(), *self.tasks.values()) if not d.source.builtin and not d.broken]
        reasons: dict[str, str] = {}
        for declaration in found:
            request = json.dumps([declaration.kind, declaration.name, [str(file) for file in self.files]])
            try:
                child = subprocess.run(
                    [sys.executable, "-P", "-m", "inrbench.registry.try_import", request],
                    capture_output=True,
                    text=True,
                    timeout=IMPORT_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                reasons[declaration.name] = f"did not import within {IMPORT_SECONDS} s"
                continue
            if child.returncode:
                lines = child.stdout.strip().splitlines()
                reasons[declaration.name] = lines[-1] if lines else f"import ended with code {child.returncode}"
        return reasons

    def _find(self, kind: Kind, name: str) -> Declaration:
        names = self.methods if kind == "method" else self.tasks
        if name not in names:
            working = [known for known, declaration in names.items() if not declaration.broken]
            raise unknown_name(kind, name, working, "see: inrbench list")
        declaration = names[name]
        if declaration.broken:
            raise BrokenPlugin(f"{kind} '{name}' ({declaration.source.path}) is broken: {declaration.broken}")
        return declaration


def _by_name(kind: Kind, found: list[Declaration], other_kind: list[Declaration]) -> dict[str, Declaration]:
    """Index declarations by name. List a broken file once, and not at all if it contains valid plugins of the other kind."""
    sound_elsewhere = {declaration.source.path for declaration in other_kind if not declaration.broken}
    names: dict[str, Declaration] = {}
    for declaration in found:
        if declaration.broken and declaration.source.path in sound_elsewhere:
            continue
        earlier = names.get(declaration.name)
        if earlier and earlier.source.path != declaration.source.path:
            if declaration.broken:
                continue
            raise NameCollision(
                f"two {kind}s are called '{declaration.name}': {earlier.source.path} and {declaration.source.path}. Rename one"
            )
        names[declaration.name] = declaration
    return names


def _load(source: Source) -> ModuleType:
    try:
        if source.module:
            return importlib.import_module(source.module)
        return _run_file(source.path)
    except (Exception, SystemExit) as error:
        raise BrokenPlugin(
            f"{source.path} cannot be imported: {type(error).__name__}: {error}{plugin_location(error)}"
        ) from error


def _run_file(path: Path) -> ModuleType:
    """Import a file under a unique module name; within a process, the same text at the same path gives the same module.

    A file is a different module after it, or a file that it imports, was edited. This matters in a notebook, where the process
    outlives many versions of a file.
    """
    helpers = sorted(imported_files(path))
    content = b"\0".join([str(path).encode(), *(file.read_bytes() for file in (path, *helpers))])
    mark = hashlib.sha256(content).hexdigest()[:12]
    name = f"{PLUGIN_MODULE_PREFIX}{mark}_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(path.parent)
    for helper in helpers:  # the loaded module may be an earlier version, or another plugin's with the same name
        sys.modules.pop(helper.parent.name if helper.stem == "__init__" else helper.stem, None)
    sys.path.insert(0, folder)  # a file may import files next to it
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # a .pyc hides an edit of equal size in the same second
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.dont_write_bytecode = written
        sys.path.remove(folder)
    return module


def _check_types(method: Method, source: Source) -> None:
    try:
        method.types()
    except NameError as error:
        raise BrokenPlugin(f"{source.path}: an annotation of '{method.name}' cannot be read: {error}") from error
