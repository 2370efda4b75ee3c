"""From stored runs to statements: what is compared with what, and how."""

from inrbench.analyse.aggregate import scores_by_signal, seed_scores, untrained, usable
from inrbench.analyse.kin import Difference, Kin, kin_of
from inrbench.analyse.leaderboard import TABLE_COLUMNS, Board, Cell, Row, board_of, leaderboards, markable, summarise
from inrbench.analyse.runs import Group, comparable_runs, measured, metrics_of

__all__ = [
    "TABLE_COLUMNS",
    "Board",
    "Cell",
    "Difference",
    "Group",
    "Kin",
    "Row",
    "board_of",
    "comparable_runs",
    "kin_of",
    "leaderboards",
    "markable",
    "measured",
    "metrics_of",
    "scores_by_signal",
    "seed_scores",
    "summarise",
    "untrained",
    "usable",
]
