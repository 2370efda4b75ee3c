"""What a run left, as tables, figures and data frames."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Literal

import pandas as pd
from matplotlib.figure import Figure

from inrbench.analyse import TABLE_COLUMNS, ComparableRuns, Leaderboard, build_leaderboard, comparable_runs
from inrbench.errors import OK
from inrbench.report import formatting, plots, to_csv, to_markdown
from inrbench.report.plots.draw import figure_of
from inrbench.runner import RunReport
from inrbench.store import load_results


class Leaderboards:
    """Tables of results, one for each task, protocol fingerprint and class of device. A notebook shows them, print too."""

    def __init__(self, leaderboards: Sequence[Leaderboard]) -> None:
        self.leaderboards = list(leaderboards)

    def __str__(self) -> str:
        """Return Markdown."""
        return to_markdown(self.leaderboards)

    def _repr_html_(self) -> str:
        """Return plain tables, which take the style of the page around them."""
        return "".join(_html(leaderboard) for leaderboard in self.leaderboards)

    def to_csv(self) -> str:
        """Return the tables as CSV, one row a method."""
        return to_csv(self.leaderboards)


@dataclass(frozen=True)
class Results:
    """The runs that were asked for, those that the results folder held already among them."""

    folder: Path
    tasks: tuple[str, ...]
    fingerprints: tuple[str, ...]
    run_ids: frozenset[str]
    exit_code: int = OK
    """That of ``inrbench run``: 0 all well, 1 some run failed or its data is missing, 130 stopped."""

    @classmethod
    def of(cls, report: RunReport, folder: Path) -> "Results":
        """Return the results of a command."""
        specs = [job.spec for job in report.plan.jobs]
        fingerprints = dict.fromkeys(spec.protocol_fingerprint for spec in specs)
        run_ids = frozenset(spec.run_id for spec in specs)
        return cls(folder, tuple(dict.fromkeys(spec.task for spec in specs)), tuple(fingerprints), run_ids, report.exit_code)

    def leaderboard(self) -> Leaderboards:
        """Return the tables. Raises NothingFound if no run is there."""
        return Leaderboards([build_leaderboard(group) for group in self._groups(TABLE_COLUMNS)])

    def plot(
        self, kind: str = "curves", *, methods: Sequence[str] = (), signals: Sequence[str] = (), param: str | None = None
    ) -> Figure:
        """Return a figure: curves, pareto, per-signal, gallery, sweep (``param`` a parameter), or what a probe read.

        Raises BadValue where the results are of several tables, which cannot share a figure; NothingFound if there are none.
        """
        groups = self._groups((*TABLE_COLUMNS, "curve", "probes", "artifacts"))
        with plots.plot_style():
            return figure_of(kind, groups, self.folder, methods, signals, param)

    def to_pandas(self, table: Literal["runs", "metrics", "curves", "probes"] = "runs") -> pd.DataFrame:
        """Return one row a run, a metric of a run, a point of its curve, or a reading of a probe."""
        frame = load_results(self.folder, table)
        return frame[frame["run_id"].isin(self.run_ids)].reset_index(drop=True)

    def _groups(self, columns: Sequence[str]) -> list[ComparableRuns]:
        groups = comparable_runs(self.folder, ("run_id", *columns), self.tasks, self.fingerprints)
        ours = [replace(group, runs=group.runs[group.runs["run_id"].isin(self.run_ids)]) for group in groups]
        return [group for group in ours if len(group.runs)]


def _html(leaderboard: Leaderboard) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in formatting.header(leaderboard))
    tags = {"best": ("<b>", "</b>"), "second": ("<u>", "</u>"), "untrained": ("<i>", "</i>"), None: ("", "")}
    rows = [
        "".join(f"<td>{tags[mark][0]}{escape(text)}{tags[mark][1]}</td>" for text, mark in formatting.cells(leaderboard, row))
        for row in leaderboard.rows
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    title = escape(formatting.title(leaderboard.group))
    caption = " ".join(escape(line) for line in formatting.caption(leaderboard))
    return f"<p><b>{title}</b></p><table><tr>{head}</tr>{body}</table><p><small>{caption}</small></p>"
