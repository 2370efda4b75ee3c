"""Find the available plugins by reading their source without running it.

A plugin file contains ``@register_method("name")`` or ``@register_task("name")`` with a literal name. Its syntax tree gives the
names and the first line of the docstring, so listing dozens of methods imports neither them nor torch.
"""

import ast
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Literal

from inrbench.registry.code import code_sha256
from inrbench.spec import name_error

Kind = Literal["method", "task"]
DECORATORS: dict[str, Kind] = {"register_method": "method", "register_task": "task"}
FOLDERS: dict[Kind, str] = {"method": "inrbench.methods", "task": "inrbench.tasks"}
ENTRY_POINTS: dict[Kind, str] = {"method": "inrbench.methods", "task": "inrbench.tasks"}


@dataclass(frozen=True)
class Source:
    """The origin of a plugin: a built-in file, an installed distribution or one of the user's files.

    Args:
        path: The plugin's file.
        module: Name of the importable module; None for a file that is run from its path.
        origin: ``builtin``, ``dist==version`` or ``file:path``.
    """

    path: Path
    module: str | None
    origin: str

    @property
    def builtin(self) -> bool:
        """Whether the plugin is part of inrbench."""
        return self.origin == "builtin"

    def sha256(self) -> str:
        """Return the hash of the plugin's code, as defined in ``inrbench.registry.code``."""
        return code_sha256(self.path)


@dataclass(frozen=True)
class Declaration:
    """A name that a file declares, or a broken file.

    Args:
        kind: ``method`` or ``task``.
        name: Name of the plugin; for a broken file, the file's name without its ending.
        summary: First line of the docstring.
        source: Origin of the plugin.
        broken: Why the file is broken; None if it is not.
    """

    kind: Kind
    name: str
    summary: str
    source: Source
    broken: str | None = None


def declarations(kind: Kind, files: Sequence[Path] = ()) -> list[Declaration]:
    """Return all plugins of a kind: the built-in ones, then those of entry points, then those of the user's files."""
    return [found for source in _sources(kind, files) for found in read_declarations(source) if found.kind == kind]


def read_declarations(source: Source) -> list[Declaration]:
    """Return what a file declares, without running it.

    A file that cannot be read gives one broken declaration per kind.
    """
    stem = source.path.stem
    try:
        found, summary = _registered(source.path.read_bytes(), str(source.path))
    except FileNotFoundError:
        return _broken(source, stem, "no such file")
    except (SyntaxError, ValueError, OSError) as error:
        return _broken(source, stem, f"{type(error).__name__}: {error}")
    if not found and not source.builtin:
        return _broken(source, stem, 'registers nothing: decorate a function with @register_method("name")')
    if odd := [why for _, name, _ in found if (why := name_error(name))]:
        return _broken(source, stem, odd[0])
    alone = len(found) == 1  # then the first line of the file describes it
    return [Declaration(kind, name, summary if alone else own, source) for kind, name, own in found]


@lru_cache(maxsize=1024)
def _registered(code: bytes, path: str) -> tuple[tuple[tuple[Kind, str, str], ...], str]:
    """Return (kind, name, first line of the docstring) of all plugins in a file, and the first line of the file's docstring.

    Parsing takes longer than reading, so it is done once for each content of a file. Raises SyntaxError or ValueError.
    """
    tree = ast.parse(code, filename=path)
    found = tuple(
        (DECORATORS[called], decorator.args[0].value, _first_line(node))
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call)
        and (called := _called_name(decorator)) in DECORATORS
        and decorator.args
        and isinstance(decorator.args[0], ast.Constant)
        and isinstance(decorator.args[0].value, str)
    )
    return found, _first_line(tree)


def _first_line(node: ast.Module | ast.FunctionDef | ast.ClassDef) -> str:
    return (ast.get_docstring(node) or "").split("\n", 1)[0]


def _called_name(call: ast.Call) -> str:
    target = call.func
    return target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""


def _broken(source: Source, name: str, reason: str) -> list[Declaration]:
    return [Declaration(kind, name, "", source, broken=reason) for kind in FOLDERS]


def _sources(kind: Kind, files: Sequence[Path]) -> Iterator[Source]:
    package = FOLDERS[kind]
    spec = importlib.util.find_spec(package)
    for folder in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(folder).glob("[!_]*.py")):
            yield Source(path, f"{package}.{path.stem}", "builtin")
    for point in sorted(metadata.entry_points(group=ENTRY_POINTS[kind])):
        origin = f"{point.dist.name}=={point.dist.version}" if point.dist else "entry point"
        yield Source(_module_path(point.module), point.module, origin)
    for path in files:
        yield Source(path, None, f"file:{path}")


def _module_path(module: str) -> Path:
    """Return the file of a module without importing it or its parents (``find_spec('a.b')`` would import ``a``)."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return Path(*module.split(".")).with_suffix(".py")
    if not rest:
        return Path(spec.origin)
    path = Path(spec.origin).parent.joinpath(*rest)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
