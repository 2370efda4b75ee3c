"""``inrbench new``."""

from pathlib import Path

import click

import inrbench
from inrbench.cli.options import Decorator
from inrbench.console import say
from inrbench.errors import NameCollision
from inrbench.scaffold import SOURCES, new_method, new_package, new_task

folder_option: Decorator = click.option(
    "--in",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder for the new files.  [default: current folder]",
)


@click.group("new")
def command() -> None:
    """Write a method, a task or a plugin package to start from.

    The files run unchanged; comments with EDIT mark what to change.

    \b
    inrbench new method my_act
    inrbench new task my_task
    inrbench new plugin-package my-acts
    """


@command.command("method")
@click.argument("name")
@folder_option
def method_(name: str, folder: Path) -> None:
    """Write NAME.py with a method: an activation in a network.

    \b
    inrbench new method my_act && inrbench check-plugin ./my_act.py
    """
    _refuse_known("method", name)
    path = _print_path(new_method(name, folder))
    say(f"then: inrbench check-plugin {path}")


@command.command("task")
@click.argument("name")
@click.option(
    "--from",
    "source",
    type=click.Choice(SOURCES),
    default="function",
    show_default=True,
    help="What to start from: a function of one variable, an image, or a field in three dimensions.",
)
@folder_option
def task_(name: str, source: str, folder: Path) -> None:
    """Write NAME.py with a task: signal, protocol and metrics.

    \b
    inrbench new task my_task && inrbench check-plugin ./my_task.py
    inrbench new task my_images --from image
    """
    _refuse_known("task", name)
    path = _print_path(new_task(name, folder, source))
    say(f"then: inrbench check-plugin {path}")
    say(f"      inrbench run --tasks {name} --protocol quick --methods siren --plugin {path}")


@command.command("plugin-package")
@click.argument("name")
@folder_option
def package_(name: str, folder: Path) -> None:
    """Write NAME/, an installable plugin package.

    It has a method, tests and a workflow.

    \b
    inrbench new plugin-package my-acts && pip install -e my-acts
    """
    for path in new_package(name, folder, inrbench.__version__):
        say(f"wrote {path}")
    say(f"then: pip install -e '{folder / name}[test]' && inrbench list methods")


def _refuse_known(kind: str, name: str) -> None:
    """Raise NameCollision if a plugin already has the name: the new file could not be used together with it."""
    from inrbench.registry import Registry

    registry = Registry()
    if name in (registry.methods if kind == "method" else registry.tasks):
        raise NameCollision(f"there is a {kind} '{name}' already; choose another name (inrbench list)")


def _print_path(path: Path) -> str:
    """Print the path of the written file, and return it as a command-line argument."""
    say(f"wrote {path}")
    return str(path) if path.is_absolute() or len(path.parts) > 1 else f"./{path}"
