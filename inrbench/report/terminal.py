"""Leaderboards in a terminal."""

from collections.abc import Mapping, Sequence
from functools import partial

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inrbench.analyse import Leaderboard
from inrbench.errors import printable
from inrbench.report import formatting
from inrbench.report.columns import METHOD, Column, columns_of, that_fit

STYLES = {"best": "bold", "second": "underline", "untrained": "dim", None: ""}
PLAIN: Mapping[str | None, str] = {"best": "*", "second": "_", "untrained": "", None: ""}
"""Sign after a number, used if the output shows neither bold nor underlined text."""
WIDTH_WITHOUT_TERMINAL = 160
GAP = 3
"""Characters between two columns."""


def print_leaderboards(
    leaderboards: Sequence[Leaderboard],
    details: bool = False,
    console: Console | None = None,
    columns: Sequence[str] = (),
    wide: bool = False,
) -> None:
    """Print the leaderboards, with the best value in bold and the second underlined.

    If the output is not a terminal or has no colours, ``*`` and ``_`` mark these values instead. Columns that do not fit in a
    terminal are left out, and a line names them.

    Args:
        leaderboards: The leaderboards to print.
        details: Whether to add lines on spread, Pareto sets and times to targets.
        console: The console to print to; a new one on standard output by default.
        columns: Names of the columns to print; those that fit if empty.
        wide: Whether to print all columns, however wide the terminal is.
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
        signs = PLAIN if plain else dict.fromkeys(PLAIN, "")
        shown, left_out = columns_of(leaderboard, columns), list[Column]()
        if console.is_terminal and not wide and not columns:
            shown, left_out = that_fit(shown, console.width, partial(_width, signs=signs))
        for column in shown:
            name = column.name == METHOD
            table.add_column(_plain(column.head), justify="left" if name else "right", overflow="fold", no_wrap=not name)
        for cells in zip(*(column.cells for column in shown), strict=True):
            table.add_row(*(_plain(text + signs[mark], STYLES[mark]) for text, mark in cells))
        console.print(table, no_wrap=wide, crop=not wide)
        if left_out:
            heads = ", ".join(f"{column.head} ({column.name})" for column in left_out)
            console.print(_plain(f"Too narrow for: {heads}. Use --wide, or --columns NAME,NAME.", "dim"))
        for line in [*formatting.caption(leaderboard), *(formatting.details(leaderboard) if details else [])]:
            console.print(_plain(line, "dim"))
        if plain and any(row.marks for row in leaderboard.rows):
            console.print(Text("* best, _ second"))
        console.print()


def _width(column: Column, signs: Mapping[str | None, str]) -> int:
    """Return the width of a column in characters, with its marks and the gap to the next column."""
    return column.width(lambda mark: len(signs[mark])) + GAP


def _plain(text: str, style: str = "") -> Text:
    """Return stored text for printing: brackets are not read as markup, and control characters are escaped."""
    return Text(printable(text), style=style)
