"""Leaderboards as Markdown."""

from collections.abc import Sequence

from tabulate import tabulate

from inrbench.analyse import Leaderboard
from inrbench.errors import printable
from inrbench.report import formatting

MARKS = {"best": "**{}**", "second": "<u>{}</u>", "untrained": "<i>{}</i>", None: "{}"}


def to_markdown(leaderboards: Sequence[Leaderboard], details: bool = False) -> str:
    """Return the tables, best in bold and second underlined."""
    return "\n\n".join(_one(leaderboard, details) for leaderboard in leaderboards) + "\n"


def _one(leaderboard: Leaderboard, details: bool) -> str:
    rows = [[MARKS[mark].format(_plain(text)) for text, mark in formatting.cells(leaderboard, row)] for row in leaderboard.rows]
    aligned = ("left", *["right"] * (len(formatting.header(leaderboard)) - 2), "left")
    table = tabulate(
        rows,
        headers=[_plain(head) for head in formatting.header(leaderboard)],
        tablefmt="pipe",
        colalign=aligned,
        disable_numparse=True,
    )
    lines = [_plain(line) for line in [*formatting.caption(leaderboard), *(formatting.details(leaderboard) if details else [])]]
    return (
        f"**{_plain(formatting.title(leaderboard.group))}**\n\n{table}\n\n" + "\n".join(f"{line}  " for line in lines).rstrip()
    )


def _plain(text: str) -> str:
    """Return stored text escaped for Markdown, so that it adds no HTML, links, cells or line breaks.

    >>> _plain("a<img src=x>|[b](c)")
    'a&lt;img src=x&gt;\\\\|[b]\\\\(c)'
    """
    safe = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe.replace("|", "\\|").replace("](", "]\\(").replace("][", "]\\[").replace("`", "\\`")
