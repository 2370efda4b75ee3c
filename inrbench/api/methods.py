"""Convert methods that are Python objects to names and files, because a worker process receives only these."""

import hashlib
import inspect
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from inrbench.api.notebook import plugin_source
from inrbench.errors import BadValue
from inrbench.registry import Method, Registry

AnyMethod = str | Path | ModuleType | Method


def selection_of(methods: Sequence[AnyMethod], results: Path) -> tuple[str, tuple[Path, ...]]:
    """Return a ``--methods`` text and the plugin files that it needs. Raises BadValue for an object that is not a method."""
    names: list[str] = []
    files: list[Path] = []
    for method in methods:
        if isinstance(method, str):
            names.append(method)
        elif isinstance(method, Path | ModuleType):
            file = method if isinstance(method, Path) else _file_of(method)
            files.append(file)
            names += Registry([file]).names_in(file)
        elif isinstance(method, Method):
            files += _file_for(method, results)
            names.append(method.name)
        else:
            raise BadValue(
                f"{method!r} is not a method: put @register_method('my_act') above the function that builds the network, "
                "or give a name, a file or a module"
            )
    return ",".join(names), tuple(dict.fromkeys(files))


def _file_for(method: Method, results: Path) -> list[Path]:
    """Return the files that register a method: none for a built-in method, a new file for a method from a notebook."""
    builder = inspect.unwrap(method.builder)
    file = Path(builder.__code__.co_filename)
    known = Registry().methods.get(method.name)
    if known is not None and known.source.path.resolve() == file.resolve():
        return []
    return [file if builder.__globals__.get("__name__") != "__main__" and file.is_file() else _written(method, results)]


def _file_of(module: ModuleType) -> Path:
    file = getattr(module, "__file__", None)
    if file is None:
        raise BadValue(f"{module} has no file; give the path of a file: methods=['./my_act.py']")
    return Path(file)


def _written(method: Method, results: Path) -> Path:
    """Write the source of a method that has no file of its own to a new file, and return its path.

    The file name contains a hash of the source, so that nothing is overwritten.
    """
    source = plugin_source(method)
    mark = hashlib.sha256(source.encode()).hexdigest()[:12]
    path = results.resolve() / "plugins" / f"{method.name}-{mark}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    return path
