"""From stored runs to statements: what is compared with what, and how."""

from inrbench.analyse.leaderboard import TABLE_COLUMNS, Board, Cell, Row, board_of, leaderboards, summarise
from inrbench.analyse.runs import Group, comparable_runs, measured, metrics_of

__all__ = [
    "TABLE_COLUMNS",
    "Board",
    "Cell",
    "Group",
    "Row",
    "board_of",
    "comparable_runs",
    "leaderboards",
    "measured",
    "metrics_of",
    "summarise",
]
