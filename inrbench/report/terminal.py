"""Leaderboards in a terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inrbench.analyse import Leaderboard
from inrbench.errors import printable
from inrbench.report import formatting

STYLES = {"best": "bold", "second": "underline", "untrained": "dim", None: ""}
PLAIN = {"best": "*", "second": "_", "untrained": "", None: ""}
"""Sign after a number, used if the output shows neither bold nor underlined text."""
WIDTH_WITHOUT_TERMINAL = 160


def print_leaderboards(leaderboards: Sequence[Leaderboard], details: bool = False, console: Console | None = None) -> None:
    """Print the leaderboards, with the best value in bold and the second underlined.

    If the output is not a terminal or has no colours, ``*`` and ``_`` mark these values instead.

    Args:
        leaderboards: The leaderboards to print.
        details: Whether to add lines on spread, Pareto sets and times to targets.
        console: The console to print to; a new one on standard output by default.
    """
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH_WITHOUT_TERMINAL
    for leaderboard in leaderboards:
        table = Table(
            title=_plain(formatting.title(leaderboard.group)),
            title_justify="left",
            title_style="bold",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
        )
        plain = not console.is_terminal or console.no_color
        for column, head in enumerate(formatting.header(leaderboard)):
            table.add_column(_plain(head), justify="left" if column == 0 else "right", overflow="fold")
        for row in leaderboard.rows:
            texts = [
                _plain(text + (PLAIN[mark] if plain else ""), STYLES[mark]) for text, mark in formatting.cells(leaderboard, row)
            ]
            table.add_row(*texts)
        console.print(table)
        for line in [*formatting.caption(leaderboard), *(formatting.details(leaderboard) if details else [])]:
            console.print(_plain(line, "dim"))
        if plain and any(row.marks for row in leaderboard.rows):
            console.print(Text("* best, _ second"))
        console.print()


def _plain(text: str, style: str = "") -> Text:
    """Return stored text for printing: brackets are not read as markup, and control characters are escaped."""
    return Text(printable(text), style=style)
