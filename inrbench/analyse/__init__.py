"""From stored runs to statements: what is compared with what, and how."""

from inrbench.analyse.leaderboard import Board, Cell, Row, leaderboards

__all__ = ["Board", "Cell", "Row", "leaderboards"]
