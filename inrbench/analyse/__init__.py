"""Turn stored runs into results: which runs are compared with which, and how."""

from inrbench.analyse.aggregate import CONSTANT, scores_by_signal, seed_scores, untrained, usable
from inrbench.analyse.diff import Difference, RelatedRun, nearest_runs
from inrbench.analyse.leaderboard import (
    TABLE_COLUMNS,
    Entry,
    Leaderboard,
    Summary,
    build_leaderboard,
    leaderboards,
    markable,
    summarise,
)
from inrbench.analyse.runs import ComparableRuns, comparable_runs, measured, metrics_of

__all__ = [
    "CONSTANT",
    "TABLE_COLUMNS",
    "ComparableRuns",
    "Difference",
    "Entry",
    "Leaderboard",
    "RelatedRun",
    "Summary",
    "build_leaderboard",
    "comparable_runs",
    "leaderboards",
    "markable",
    "measured",
    "metrics_of",
    "nearest_runs",
    "scores_by_signal",
    "seed_scores",
    "summarise",
    "untrained",
    "usable",
]
