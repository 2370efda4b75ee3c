"""The command line: one file a verb, imported when it is used."""

from inrbench.cli.main import main

__all__ = ["main"]
