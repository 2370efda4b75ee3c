"""Options that several verbs share."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from inrbench.errors import BadValue

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


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return seeds from ``3`` (0, 1, 2) or ``0,7`` (these). Raises BadValue.

    >>> parse_seeds("3"), parse_seeds("4,7"), parse_seeds("7,")
    ((0, 1, 2), (4, 7), (7,))
    """
    items = [item.strip() for item in text.split(",") if item.strip()]
    if not items or not all(re.fullmatch(r"\d+", item) for item in items):
        raise BadValue(f"--seeds {text}: give how many (3), or a list (0,7,42)")
    numbers = tuple(dict.fromkeys(map(int, items)))
    if "," in text:
        return numbers
    if numbers[0] == 0:
        raise BadValue("--seeds 0: at least one seed is needed; the seed 0 alone is --seeds 1")
    return tuple(range(numbers[0]))
