"""``inrbench list``."""

from pathlib import Path

import click

from inrbench.cli.options import plugin_option
from inrbench.registry import Declaration, Registry


@click.command("list")
@click.argument("kind", type=click.Choice(["methods", "tasks"]), required=False)
@plugin_option
def command(kind: str | None, plugins: tuple[Path, ...]) -> None:
    """List methods and tasks, built in, installed and from --plugin files.

    \b
    inrbench list
    inrbench list methods --plugin ./my_act.py
    """
    registry = Registry(plugins)
    broken = registry.check_third_party()
    for heading, names in (("methods", registry.methods), ("tasks", registry.tasks)):
        if kind in (None, heading):
            click.secho(heading, bold=True)
            width = max(map(len, names), default=0)
            for name, declaration in names.items():
                click.echo(f"  {name:{width}}  {_line(declaration, broken.get(name) or declaration.broken)}")
    if kind in (None, "tasks"):
        click.echo("\nMore about one of them: inrbench show NAME")


def _line(declaration: Declaration, broken: str | None) -> str:
    if broken:
        return click.style(f"broken: {broken}", fg="red")
    origin = "" if declaration.source.builtin else f"  ({declaration.source.origin})"
    return (declaration.summary.partition(": ")[2] or declaration.summary) + origin
