"""All output to the terminal. Stored text may come from an untrusted source: its control characters are never printed."""

import logging
from typing import Any

import click

from inrbench.errors import printable

NONE = "–"
"""Shown in place of a value that does not exist."""


def say(text: str = "", *, block: bool = False, err: bool = False, end: str = "\n", **style: Any) -> None:
    """Print a text. Characters that cannot be printed, including line ends, are written as escapes.

    Args:
        text: One line.
        block: The text has several lines laid out by this program, such as a table; its line ends are printed.
        err: Print to standard error.
        end: The default ends the line; with any other value nothing is printed after the text.
        style: As for ``click.style``: ``bold=True``, ``fg="red"``.
    """
    lines = "\n".join(map(printable, text.split("\n"))) if block else printable(text)
    click.echo(click.style(lines, **style) if style else lines, err=err, nl=end == "\n")


class PlainFormatter(logging.Formatter):
    """Formatter that writes a log message as one printable line: file names and stored texts may contain anything."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message as one printable line."""
        return printable(super().format(record))
