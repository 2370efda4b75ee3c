"""Leaderboards as Markdown."""

from collections.abc import Sequence

from tabulate import tabulate

from inrbench.analyse import Board
from inrbench.errors import printable
from inrbench.report import words

MARKS = {"best": "**{}**", "second": "<u>{}</u>", "untrained": "<i>{}</i>", None: "{}"}


def to_markdown(boards: Sequence[Board], details: bool = False) -> str:
    """Return the tables, best in bold and second underlined."""
    return "\n\n".join(_one(board, details) for board in boards) + "\n"


def _one(board: Board, details: bool) -> str:
    rows = [[MARKS[mark].format(_plain(text)) for text, mark in words.cells(board, row)] for row in board.rows]
    aligned = ("left", *["right"] * (len(words.header(board)) - 2), "left")
    table = tabulate(
        rows, headers=[_plain(head) for head in words.header(board)], tablefmt="pipe", colalign=aligned, disable_numparse=True
    )
    lines = [_plain(line) for line in [*words.caption(board), *(words.details(board) if details else [])]]
    return f"**{_plain(words.title(board.group))}**\n\n{table}\n\n" + "\n".join(f"{line}  " for line in lines).rstrip()


def _plain(text: str) -> str:
    """Return stored text as Markdown that shows it: no HTML, no link, no further cell, no line end.

    >>> _plain("a<img src=x>|[b](c)")
    'a&lt;img src=x&gt;\\\\|[b]\\\\(c)'
    """
    safe = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe.replace("|", "\\|").replace("](", "]\\(").replace("][", "]\\[").replace("`", "\\`")
