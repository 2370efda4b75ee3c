"""The hash of a plugin's code: it identifies a method in every run.

The hash covers the code that shapes a network. It does not cover comments, docstrings and what ``@register_method`` declares in
addition to the name (citation, formula, settings, authors' training, ranges). Adding a source therefore does not change the
identity of a published run. The values of settings are part of a run's parameters. The user's files that a plugin imports are
hashed with it.
"""

import ast
import hashlib
import io
import sys
import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path

DECLARING = frozenset({"register_method", "register_task"})


def code_sha256(path: Path) -> str:
    """Return the hash of a plugin file's code and of the files next to it that it imports.

    The hash is the same on every platform and every version of Python, because it is computed from text without comments and
    declarations.

    Raises:
        SyntaxError: The file is not valid Python.
        OSError: The file cannot be read.
    """
    files = [path, *sorted(imported_files(path))]
    texts = [f"{_name_of(file, path)}\n{essential_text(file.read_bytes())}" for file in files]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def essential_text(source: bytes) -> str:
    """Return a file's text without comments, docstrings, empty lines and the arguments of registering decorators.

    >>> print(essential_text(b'"Doc."\\nx = 1  # why\\n\\n@register_method("m", paper="p")\\ndef m(net): return net\\n'))
    x = 1
    @register_method("m")
    def m(net): return net
    """
    text = source.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    tree = ast.parse(text)
    lines = text.split("\n")
    cuts = [*_comments(text), *_docstrings(tree), *_declarations(tree)]
    for (first, start), (last, end), instead in sorted(cuts, reverse=True):
        head, tail = _chars(lines[first], start), lines[last].encode()[end:].decode()
        lines[first : last + 1] = [lines[first][:head] + instead + tail]
    return "\n".join(line.rstrip() for line in lines if line.strip())


Cut = tuple[tuple[int, int], tuple[int, int], str]
"""The start and the end of a cut as (line, byte), counted from 0, and the text that replaces it."""


def _chars(line: str, byte: int) -> int:
    return len(line.encode()[:byte].decode())


def _comments(text: str) -> Iterator[Cut]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row = token.start[0] - 1
            start, end = (len(token.line[:column].encode()) for column in (token.start[1], token.end[1]))
            yield (row, start), (row, end), ""


def _docstrings(tree: ast.Module) -> Iterator[Cut]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                only = len(node.body) == 1 and not isinstance(node, ast.Module)
                yield (*_span(first), "pass" if only else "")


def _declarations(tree: ast.Module) -> Iterator[Cut]:
    for node in tree.body:
        for call in getattr(node, "decorator_list", ()):
            if isinstance(call, ast.Call) and _called(call) in DECLARING and call.args:
                name = ast.unparse(call.func)
                argument = call.args[0].value if isinstance(call.args[0], ast.Constant) else ast.unparse(call.args[0])
                yield (*_span(call), f"{name}({argument!r})".replace("'", '"'))


def _span(node: ast.expr | ast.stmt) -> tuple[tuple[int, int], tuple[int, int]]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return (node.lineno - 1, node.col_offset), (node.end_lineno - 1, node.end_col_offset)


def _called(call: ast.Call) -> str:
    target = call.func
    return target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""


def imported_files(path: Path) -> set[Path]:
    """Return the user's files that a file imports, directly or through other files. They are found by name, next to the file.

    Modules of the standard library, of installed packages and of inrbench are not included: the environment stored with a run
    gives their versions.
    """
    found: set[Path] = set()
    waiting = [path.resolve()]
    while waiting:
        current = waiting.pop()
        try:
            tree = ast.parse(current.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        for file in _imports(tree, current):
            if file != path.resolve() and file not in found:
                found.add(file)
                waiting.append(file)
    return found


def _imports(tree: ast.Module, path: Path) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names = [(node.level, base), *((node.level, f"{base}.{alias.name}".strip(".")) for alias in node.names)]
        else:
            continue
        for level, name in names:
            yield from _files_of(name, level, path)


def _files_of(name: str, level: int, path: Path) -> Iterator[Path]:
    """Yield the files of a module next to a file, or in its package for a relative import."""
    folder = path.parent
    for _ in range(level - 1):
        folder = folder.parent
    parts = name.split(".") if name else []
    if level == 0:
        if not parts or parts[0] in sys.stdlib_module_names or parts[0] == "inrbench":
            return
        top = _package_root(path)
        if top.name == parts[0]:  # a package that imports itself by its full name
            folder = top.parent
    candidate = folder.joinpath(*parts)
    for file in (candidate.with_suffix(".py"), candidate / "__init__.py"):
        if parts and file.is_file() and not _is_library(file, path):
            yield file.resolve()


def _package_root(path: Path) -> Path:
    """Return the outermost folder of the package that contains a file, or the file's own folder if it is not in a package."""
    folder = path.parent
    while (folder / "__init__.py").is_file() and (folder.parent / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _is_library(file: Path, importer: Path) -> bool:
    """Return whether a file belongs to an installed library that the importer is not part of."""
    libraries = [Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib")]
    within = [root for root in libraries if file.resolve().is_relative_to(root)]
    return bool(within) and not importer.resolve().is_relative_to(within[0])


def _name_of(file: Path, path: Path) -> str:
    """Return the name of a file in the hash: its path relative to the plugin's folder, which may be anywhere."""
    if file == path:
        return ""
    try:
        return file.relative_to(path.resolve().parent).as_posix()
    except ValueError:
        return file.name
