"""Format the results of ``analyse`` as tables: terminal, Markdown, LaTeX, CSV and JSON."""

from inrbench.report.csv import to_csv
from inrbench.report.json import to_json
from inrbench.report.latex import to_latex
from inrbench.report.markdown import to_markdown
from inrbench.report.terminal import print_leaderboards

__all__ = [
    "print_leaderboards",
    "to_csv",
    "to_json",
    "to_latex",
    "to_markdown",
]
