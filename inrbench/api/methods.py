"""Methods as Python has them, turned into names and files, which is all that a worker process is given."""

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
    """Return a ``--methods`` text and the plugin files it needs. Raises BadValue for what is no method."""
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
                f"{method!r} is no method: put @register_method('my_act') above the function that builds the network, "
                "or give a name, a file or a module"
            )
    return ",".join(names), tuple(dict.fromkeys(files))


def _file_for(method: Method, results: Path) -> list[Path]:
    """Return the file that registers a method: none for a built-in one, a new one for a method of a notebook."""
    builder = inspect.unwrap(method.builder)
    file = Path(builder.__code__.co_filename)
    known = Registry().methods.get(method.name)
    if known is not None and known.source.path.resolve() == file.resolve():
        return []
    return [file if builder.__globals__.get("__name__") != "__main__" and file.is_file() else _written(method, results)]


def _file_of(module: ModuleType) -> Path:
    file = getattr(module, "__file__", None)
    if file is None:
        raise BadValue(f"{module} has no file; give the path of one: methods=['./my_act.py']")
    return Path(file)


def _written(method: Method, results: Path) -> Path:
    """Return a file with the source of a method that has none of its own, named by its content: nothing is overwritten."""
    source = plugin_source(method)
    mark = hashlib.sha256(source.encode()).hexdigest()[:12]
    path = results.resolve() / "plugins" / f"{method.name}-{mark}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    return path
