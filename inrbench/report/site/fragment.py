"""Leaderboards as one self-contained HTML page."""

from collections.abc import Sequence
from importlib import resources

from inrbench.analyse import Leaderboard
from inrbench.report import formatting
from inrbench.report.site.pages import page


def to_html(leaderboards: Sequence[Leaderboard]) -> str:
    """Return the tables as a page that includes the style of the site; best is bold, second underlined."""
    style = resources.files("inrbench.report.site").joinpath("static", "site.css").read_text(encoding="utf-8")
    views = [
        {
            "title": formatting.title(leaderboard.group),
            "header": formatting.header(leaderboard),
            "caption": formatting.caption(leaderboard),
            "rows": [formatting.cells(leaderboard, row) for row in leaderboard.rows],
        }
        for leaderboard in leaderboards
    ]
    return page("leaderboard.html", "", leaderboards=views, style=style)
