"""``inrbench list``."""

from pathlib import Path

import click

from inrbench.cli.options import plugin_option
from inrbench.console import say
from inrbench.registry import Declaration, Registry


@click.command("list")
@click.argument("kind", type=click.Choice(["methods", "tasks"]), required=False)
@plugin_option
def command(kind: str | None, plugins: tuple[Path, ...]) -> None:
    """List methods and tasks: built-in ones, installed ones, and those in --plugin files.

    \b
    inrbench list
    inrbench list methods --plugin ./my_act.py
    """
    registry = Registry(plugins)
    broken = registry.check_third_party()
    for heading, names in (("methods", registry.methods), ("tasks", registry.tasks)):
        if kind in (None, heading):
            say(heading, bold=True)
            width = max(map(len, names), default=0)
            for name, declaration in names.items():
                fault = broken.get(name) or declaration.broken
                say(f"  {name:{width}}  ", end="")
                say(f"broken: {fault}" if fault else _line(declaration), fg="red" if fault else None)
    if kind in (None, "tasks"):
        say()
        say("For details: inrbench show NAME")


def _line(declaration: Declaration) -> str:
    origin = "" if declaration.source.builtin else f"  ({declaration.source.origin})"
    return (declaration.summary.partition(": ")[2] or declaration.summary) + origin
