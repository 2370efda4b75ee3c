"""Write the source of a method from a notebook or a script as a file that works on its own.

A worker process cannot see a notebook. So the file contains the source of the builder, the source of every function, class and
constant of the notebook that it uses, and the imports that these need. Nothing else of the notebook is run again.
"""

import ast
import builtins
import inspect
import linecache
import symtable
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from inrbench.errors import BadValue
from inrbench.registry import Method

ADVICE = "write it to a file (in a notebook: %%writefile my_act.py) and give methods=['./my_act.py']"
Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


def plugin_source(method: Method) -> str:
    """Return the text of a Python file that registers ``method``. Raises BadValue if some of the source cannot be found."""
    if inspect.unwrap(method.builder).__closure__:
        raise BadValue(f"'{method.name}' is made inside a function, whose variables are not available in a file; {ADVICE}")
    cells = _Cells(method)
    cells.take(inspect.unwrap(method.builder).__name__)
    docstring = repr(f"{method.name}: {method.formula or 'from a notebook'}.")  # a formula may contain quotes and backslashes
    parts = [docstring, "\n".join(cells.imports), *cells.definitions]
    return "\n\n".join(part for part in parts if part) + "\n"


class _Cells:
    """The parts of the notebook's source that are needed: imports, and definitions in an order in which they can be run."""

    def __init__(self, method: Method) -> None:
        self.name = method.name
        builder = inspect.unwrap(method.builder)
        self.namespace: Mapping[str, Any] = builder.__globals__
        self.imports: dict[str, None] = {}
        self.definitions: list[str] = []
        self._seen: set[str] = set()
        self._files = [builder.__code__.co_filename]

    def take(self, name: str) -> None:
        """Collect the definition of a name, after the definitions that it uses."""
        if name in self._seen:
            return
        self._seen.add(name)
        value = self.namespace.get(name)
        if name in self.namespace and _is_literal(value):  # the current value: a cell may have been changed and run again
            self.definitions.append(f"{name} = {value!r}")
        elif found := self._definition(name, value):
            text = found
            for used in _globals_of(text):
                if used in self.namespace:
                    self.take(used)
            self.definitions.append(text)
        elif name not in self.namespace:
            return  # a builtin, or a mistake that is reported when the file is loaded
        elif isinstance(value, ModuleType):
            self.imports[f"import {value.__name__} as {name}"] = None
        elif (home := getattr(value, "__module__", None)) not in (None, "__main__") and (
            own := getattr(value, "__name__", None)
        ):
            self.imports[f"from {home} import {own} as {name}"] = None
        elif (imported := self._import_of(name)) is not None:
            self.imports[imported] = None
        elif getattr(builtins, name, None) is not value:
            raise BadValue(f"'{self.name}' uses '{name}', whose source cannot be found; {ADVICE}")

    def _definition(self, name: str, value: object) -> str | None:
        """Return the source that defines a name, or None if there is none.

        The cell that the value came from is searched first, then all other known cells.
        """
        own = _files_of(value)
        self._files += [file for file in own if file not in self._files]
        for file in [*own, *self._files]:
            lines, tree = _parsed(file)
            for node in reversed(tree.body):  # if there are several, the last one counts
                if isinstance(node, Definition) and name in _defined_by(node):
                    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
                    return "".join(lines[first - 1 : node.end_lineno]).rstrip()
        return None

    def _import_of(self, name: str) -> str | None:
        """Return the import statement that binds a name, or None if no known cell has one."""
        for file in self._files:
            for node in _parsed(file)[1].body:
                if isinstance(node, ast.Import | ast.ImportFrom) and any((a.asname or a.name) == name for a in node.names):
                    return ast.unparse(node)
        return None


def _is_literal(value: object) -> bool:
    """Return whether ``repr`` gives the value back: numbers, strings, and lists, tuples and dictionaries of them."""
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


def _parsed(file: str) -> tuple[list[str], ast.Module]:
    """Return the lines of a file or a cell, and their syntax tree; both are empty if the source is not known or invalid."""
    lines = linecache.getlines(file)
    try:
        return lines, ast.parse("".join(lines))
    except SyntaxError:
        return [], ast.Module(body=[], type_ignores=[])


def _files_of(value: object) -> list[str]:
    """Return the cells in which a class or a function of the notebook was written."""
    if getattr(value, "__module__", None) != "__main__":
        return []
    if not isinstance(value, type):
        code = getattr(inspect.unwrap(value) if callable(value) else value, "__code__", None)
        return [code.co_filename] if code else []
    return [part.__code__.co_filename for part in vars(value).values() if inspect.isfunction(part)]


def _defined_by(node: Definition) -> set[str]:
    if isinstance(node, ast.Assign):
        return {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    if isinstance(node, ast.AnnAssign):
        return {node.target.id} if isinstance(node.target, ast.Name) else set()
    return {node.name}


def _globals_of(text: str) -> list[str]:
    """Return the module-level names that a definition uses, without local names, even if they are spelled the same."""
    names: dict[str, None] = {}
    tables = [symtable.symtable(text, "cell", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        top = table.get_type() == "module"
        names.update(dict.fromkeys(s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())))
    return list(names)
