"""Choose the columns of a table: those that the user names, or those that fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inrbench.analyse import Leaderboard
from inrbench.errors import BadValue
from inrbench.report import formatting

METHOD = "method"
SOMETIMES = ("rank", "to-best", "train", "gpu-memory")
"""Columns that a table has if its runs allow it."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        name: Name for ``--columns``.
        head: Its head.
        cells: Text and mark of each row.
        order: When it is left out if a table is too wide: the highest first; columns with 0 stay.
    """

    name: str
    head: str
    cells: tuple[tuple[str, str | None], ...]
    order: int

    def width(self, mark_width: Callable[[str | None], int] = lambda mark: 0) -> int:
        """Return the largest number of characters of its head and cells.

        Args:
            mark_width: Mark -> number of characters that show it.
        """
        return max(len(self.head), *(len(text) + mark_width(mark) for text, mark in self.cells), 0)


def columns_of(leaderboard: Leaderboard, wanted: Sequence[str] = ()) -> list[Column]:
    """Return the columns of a table, or those with the wanted names that it has; the method is always the first.

    Args:
        leaderboard: The table.
        wanted: Names of columns, such as ``psnr`` or ``params``; all if empty.
    """
    names, heads = _names(leaderboard), formatting.header(leaderboard)
    rows = [formatting.cells(leaderboard, row) for row in leaderboard.rows]
    orders = _orders(leaderboard, names)
    columns = {
        name: Column(name, head, tuple(row[i] for row in rows), orders[name])
        for i, (name, head) in enumerate(zip(names, heads, strict=True))
    }
    if not wanted:
        return list(columns.values())
    return [columns[name] for name in dict.fromkeys([METHOD, *wanted]) if name in columns]


def check_columns(leaderboards: Sequence[Leaderboard], wanted: Sequence[str]) -> None:
    """Raise BadValue for a wanted column that none of the tables has. Some have no ranks, or no comparable times."""
    known = dict.fromkeys([name for leaderboard in leaderboards for name in _names(leaderboard)])
    known |= dict.fromkeys(SOMETIMES)
    if unknown := [name for name in wanted if name not in known]:
        raise BadValue(f"--columns {unknown[0]}: none of these tables has this column. There are: {', '.join(known)}")


def that_fit(columns: Sequence[Column], width: float, width_of: Callable[[Column], float]) -> tuple[list[Column], list[Column]]:
    """Return the columns that are shown and those that are left out because the table would be too wide.

    Args:
        columns: All columns.
        width: Width of the table.
        width_of: Column -> its width with the gap to the next column.
    """
    kept = list(columns)
    while sum(map(width_of, kept)) > width and any(column.order for column in kept):
        kept.remove(max(reversed(kept), key=lambda column: column.order))
    return kept, [column for column in columns if column not in kept]


def _names(leaderboard: Leaderboard) -> list[str]:
    """Return the names of the columns, in the order of ``formatting.header``."""
    shown = formatting.shown_metrics(leaderboard)
    short = [metric.id.partition("@")[0] for metric in shown]
    metrics = [name if short.count(name) == 1 else metric.id for name, metric in zip(short, shown, strict=True)]
    if formatting.compared(leaderboard):
        metrics.insert(1, "to-best")
    heads = formatting.header(leaderboard)
    return [
        METHOD,
        *(["rank"] if formatting.ranked(leaderboard) else []),
        *metrics,
        *(["train"] if "train (s)" in heads else []),
        *(["gpu-memory"] if "GPU peak (MiB)" in heads else []),
        "params",
        "seeds",
        "signals",
    ]


def _orders(leaderboard: Leaderboard, names: Sequence[str]) -> dict[str, int]:
    """Return when each column is left out: errors on the fitted data first, then costs, then metrics, the last first."""
    shown = formatting.shown_metrics(leaderboard)
    whole = (
        len({(row.seeds, formatting.signals_text(row, len(leaderboard.signals))) for row in leaderboard.rows if row.trained})
        < 2
    )
    orders = {METHOD: 0, "to-best": 1, "rank": 2, "signals": 3, "seeds": 4, "train": 30, "gpu-memory": 31, "params": 32}
    if whole:  # all rows have the same seeds and signals, as the caption says
        orders |= {"signals": 33, "seeds": 34}
    metrics = [name for name in names if name not in orders]
    for place, (name, metric) in enumerate(zip(metrics, shown, strict=True)):
        orders[name] = 0 if place == 0 else 40 if metric.role == "training" else 9 + place
    return orders
