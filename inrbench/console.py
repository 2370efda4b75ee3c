"""The one way to a terminal. Stored text may be anybody's: no control character of it reaches the terminal."""

import logging
from typing import Any

import click

from inrbench.errors import printable

NONE = "–"
"""Shown in place of a value that does not exist."""


def say(text: str = "", *, block: bool = False, err: bool = False, end: str = "\n", **style: Any) -> None:
    """Print a text; what in it is not printable, line ends among it, is written as an escape.

    Args:
        text: One line.
        block: It is a text of several lines that we have laid out, such as a table.
        err: Print to standard error.
        end: What follows the text.
        style: As for ``click.style``: ``bold=True``, ``fg="red"``.
    """
    lines = "\n".join(map(printable, text.split("\n"))) if block else printable(text)
    click.echo(click.style(lines, **style) if style else lines, err=err, nl=end == "\n")


class PlainFormatter(logging.Formatter):
    """Formats a message of a log as one printable line: file names and stored texts may hold anything."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return printable(super().format(record))
