"""Leaderboards as one HTML page that needs nothing else."""

from collections.abc import Sequence
from importlib import resources

from inrbench.analyse import Board
from inrbench.report import words
from inrbench.report.site.pages import page


def to_html(boards: Sequence[Board]) -> str:
    """Return the tables, best bold and second underlined, with the site's style in the page."""
    style = resources.files("inrbench.report.site").joinpath("static", "site.css").read_text(encoding="utf-8")
    views = [
        {"title": words.title(board.group), "header": words.header(board), "caption": words.caption(board),
         "rows": [words.cells(board, row) for row in board.rows]}
        for board in boards
    ]  # fmt: skip
    return page("leaderboard.html", "", boards=views, style=style)
