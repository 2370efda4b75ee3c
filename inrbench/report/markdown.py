"""Leaderboards as Markdown."""

from collections.abc import Sequence

from tabulate import tabulate

from inrbench.analyse import Leaderboard
from inrbench.errors import printable
from inrbench.report import formatting
from inrbench.report.columns import METHOD, columns_of

MARKS = {"best": "**{}**", "second": "<u>{}</u>", "untrained": "<i>{}</i>", None: "{}"}


def to_markdown(leaderboards: Sequence[Leaderboard], details: bool = False, columns: Sequence[str] = ()) -> str:
    """Return the tables, best in bold and second underlined.

    Args:
        leaderboards: The tables.
        details: Whether to add lines on spread, Pareto sets and times to targets.
        columns: Names of the columns; all if empty.
    """
    return "\n\n".join(_one(leaderboard, details, columns) for leaderboard in leaderboards) + "\n"


def _one(leaderboard: Leaderboard, details: bool, columns: Sequence[str]) -> str:
    shown = columns_of(leaderboard, columns)
    rows = [[MARKS[mark].format(_plain(text)) for text, mark in cells] for cells in zip(*(c.cells for c in shown), strict=True)]
    aligned = ["left" if column.name in (METHOD, "signals") else "right" for column in shown]
    table = tabulate(
        rows,
        headers=[_plain(column.head) for column in shown],
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
    >>> print(_plain(r"a\\|b"))  # a backslash must not escape the one before the bar
    a\\\\\\|b
    """
    safe = printable(text).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe.replace("|", "\\|").replace("](", "]\\(").replace("][", "]\\[").replace("`", "\\`")
