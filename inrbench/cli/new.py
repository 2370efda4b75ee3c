"""``inrbench new``."""

from pathlib import Path

import click

import inrbench
from inrbench.cli.options import Decorator
from inrbench.console import say
from inrbench.errors import NameCollision
from inrbench.scaffold import new_method, new_package, new_task

folder_option: Decorator = click.option(
    "--in", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where.  [default: here]"
)


@click.group("new")
def command() -> None:
    """Write a file to begin with: it runs as it is, and says EDIT where it should become yours.

    \b
    inrbench new method my_act
    inrbench new task my_task
    inrbench new plugin-package my-acts
    """


@command.command("method")
@click.argument("name")
@folder_option
def method_(name: str, folder: Path) -> None:
    """Write NAME.py: an activation in a network.

    \b
    inrbench new method my_act && inrbench check-plugin ./my_act.py
    """
    _refuse_known("method", name)
    path = _told(new_method(name, folder))
    say(f"then: inrbench check-plugin {path}")


@command.command("task")
@click.argument("name")
@folder_option
def task_(name: str, folder: Path) -> None:
    """Write NAME.py: a signal, a protocol, metrics.

    \b
    inrbench new task my_task && inrbench check-plugin ./my_task.py
    """
    _refuse_known("task", name)
    path = _told(new_task(name, folder))
    say(f"then: inrbench check-plugin {path}")
    say(f"      inrbench run --tasks {name} --protocol quick --methods siren --plugin {path}")


@command.command("plugin-package")
@click.argument("name")
@folder_option
def package_(name: str, folder: Path) -> None:
    """Write NAME/: a package that others install, with a method, tests and a workflow.

    \b
    inrbench new plugin-package my-acts && pip install -e my-acts
    """
    for path in new_package(name, folder, inrbench.__version__):
        say(f"wrote {path}")
    say(f"then: pip install -e '{folder / name}[test]' && inrbench list methods")


def _refuse_known(kind: str, name: str) -> None:
    """Raise NameCollision for a name that a plugin has: the new file could not be used beside it."""
    from inrbench.registry import Registry

    registry = Registry()
    if name in (registry.methods if kind == "method" else registry.tasks):
        raise NameCollision(f"there is a {kind} '{name}' already; choose another name (inrbench list)")


def _told(path: Path) -> str:
    """Say what was written, and return it as a path on a command line."""
    say(f"wrote {path}")
    return str(path) if path.is_absolute() or len(path.parts) > 1 else f"./{path}"
