"""Options that several verbs share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

results_option: Decorator = click.option(
    "--results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"), show_default=True,
    help="The results folder.",
)  # fmt: skip
plugin_option: Decorator = click.option(
    "--plugin", "plugins", type=click.Path(path_type=Path, dir_okay=False), multiple=True,
    help="A file with methods or tasks of your own. May be given several times.",
)  # fmt: skip


def words(text: str | None, separator: str = ",") -> tuple[str, ...]:
    """Return the words of an option."""
    return tuple(word.strip() for word in (text or "").split(separator) if word.strip())
