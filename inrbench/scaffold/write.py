"""Write files from templates. Existing files are not overwritten."""

import importlib.util
import keyword
import re
from importlib import resources
from pathlib import Path
from string import Template

from inrbench.errors import BadValue
from inrbench.spec import name_error

USED = frozenset(
    {
        "tensor",
        "nn",
        "coordinate_mlp",
        "network_spec",
        "register_method",
        "siren_init",
        "step",
        "np",
        "zone_plate",
        "rings",
        "grid",
    }
)
"""Names that the templates import or define."""
SOURCES = ("function", "image", "volume")
"""What a new task can start from."""


def new_method(name: str, folder: Path) -> Path:
    """Write a method that runs as it is; return its file. Raises BadValue for an invalid name or an existing file."""
    return _write("method.py.txt", folder / f"{_module(name)}.py", **_names(name))


def new_task(name: str, folder: Path, source: str = "function") -> Path:
    """Write a task that runs as it is; return its file.

    Args:
        name: Name of the task.
        folder: Folder for the file.
        source: What the task starts from, one of ``SOURCES``.

    Raises:
        BadValue: Invalid name, or the file exists.
    """
    return _write(f"task_{source}.py.txt", folder / f"{_module(name)}.py", **_names(name))


def new_package(name: str, folder: Path, version: str) -> list[Path]:
    """Write a package with one method, its entry point, tests and a workflow; return the files.

    Args:
        name: Name of the package.
        folder: Folder in which the package gets its own folder.
        version: Lowest version of inrbench that the package will require.

    Raises:
        BadValue: The name is invalid, or the package's folder exists.
    """
    package = _module(name)
    method = f"{name}-act"
    words = {**_names(method), "distribution": name, "package": package, "module": _module(method), "version": version}
    root = folder / name
    if root.exists():
        raise BadValue(f"{root} is there already; choose another name, or another folder with --in")
    source = root / "src" / package
    files = [
        _write("package/pyproject.toml.txt", root / "pyproject.toml", **words),
        _write("package/README.md.txt", root / "README.md", **words),
        _write("method.py.txt", source / f"{_module(method)}.py", **words),
        _write("package/test_contract.py.txt", root / "tests" / "test_contract.py", **words),
        _write("package/ci.yml.txt", root / ".github" / "workflows" / "ci.yml", **words),
    ]
    (source / "__init__.py").write_text(f'"""Methods for inrbench: {name}."""\n', encoding="utf-8")
    return [*files, source / "__init__.py"]


def _write(template: str, path: Path, **words: str) -> Path:
    if path.exists():
        raise BadValue(f"{path} is there already; choose another name, or another folder with --in")
    text = resources.files("inrbench.scaffold").joinpath("templates", *template.split("/")).read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(Template(text).substitute(words), encoding="utf-8")
    return path


def _names(name: str) -> dict[str, str]:
    """Return the name, and the names of its function and its class."""
    module = _module(name)
    return {"name": name, "function_name": module, "class_name": "".join(part.title() for part in module.split("_"))}


def _module(name: str) -> str:
    """Return the module name for a name. Raises BadValue."""
    module = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if (why := name_error(name)) or not module.isidentifier() or keyword.iskeyword(module) or not name[-1].isalnum():
        raise BadValue(why or f"'{name}' can be no Python name: begin with a letter, end with a letter or a digit, like my_act")
    if module in USED or importlib.util.find_spec(module) is not None:
        raise BadValue(f"'{name}': a module or a function that the file needs is called so; choose another name")
    return module
