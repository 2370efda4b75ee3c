"""Leaderboards as Markdown."""

from collections.abc import Sequence

from tabulate import tabulate

from inrbench.analyse import Board
from inrbench.report import words

MARKS = {"best": "**{}**", "second": "<u>{}</u>", None: "{}"}


def to_markdown(boards: Sequence[Board]) -> str:
    """Return the tables, best in bold and second underlined."""
    return "\n\n".join(_one(board) for board in boards) + "\n"


def _one(board: Board) -> str:
    rows = [[MARKS[mark].format(text) for text, mark in words.cells(board, row)] for row in board.rows]
    aligned = ("left", *["right"] * (len(words.header(board)) - 2), "left")
    table = tabulate(rows, headers=words.header(board), tablefmt="pipe", colalign=aligned, disable_numparse=True)
    return f"**{words.title(board)}**\n\n{table}\n\n" + "\n".join(f"{line}  " for line in words.caption(board)).rstrip()
