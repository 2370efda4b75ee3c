"""The one way to a terminal. Stored text may be anybody's: no control character of it reaches the terminal."""

from typing import Any

import click

from inrbench.errors import printable


def say(text: str = "", *, err: bool = False, end: str = "\n", **style: Any) -> None:
    """Print a text whose lines are ours; whatever else in it is not printable is written as an escape.

    Args:
        text: One line or several.
        err: Print to standard error.
        end: What follows the text.
        style: As for ``click.style``: ``bold=True``, ``fg="red"``.
    """
    lines = "\n".join(printable(line) for line in text.split("\n"))
    click.echo(click.style(lines, **style) if style else lines, err=err, nl=end == "\n")
