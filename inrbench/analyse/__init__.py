"""From stored runs to statements: what is compared with what, and how."""

from inrbench.analyse.leaderboard import Board, Cell, Row, leaderboards, summarise
from inrbench.analyse.runs import Group, comparable_runs, measured, metrics_of

__all__ = [
    "Board",
    "Cell",
    "Group",
    "Row",
    "comparable_runs",
    "leaderboards",
    "measured",
    "metrics_of",
    "summarise",
]
