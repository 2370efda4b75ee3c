"""The command line: one file per command, imported when the command is used."""

from inrbench.cli.main import main

__all__ = ["main"]
