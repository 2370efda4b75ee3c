"""The results of runs, as tables, figures and data frames."""

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

Table = Literal["runs", "metrics", "curves", "probes", "artifacts"]


class Leaderboards:
    """Leaderboards, one per task, protocol fingerprint and class of device. A notebook displays them; print shows Markdown."""

    def __init__(self, leaderboards: Sequence[Leaderboard]) -> None:
        self.leaderboards = list(leaderboards)

    def __str__(self) -> str:
        """Return the leaderboards as Markdown."""
        return to_markdown(self.leaderboards)

    def _repr_html_(self) -> str:
        """Return the leaderboards as HTML tables without styles of their own, so that they match the page around them."""
        return "".join(_html(leaderboard) for leaderboard in self.leaderboards)

    def to_csv(self) -> str:
        """Return the leaderboards as CSV, one row per method."""
        return to_csv(self.leaderboards)


@dataclass(frozen=True)
class Results:
    """The runs that were requested, including those that the results folder contained already.

    Args:
        folder: The results folder.
        tasks: Tasks of the runs.
        fingerprints: Fingerprints of the protocols of the runs.
        run_ids: Ids of the runs.
        exit_code: The exit code of ``inrbench run``: 0 all runs ok, 1 a run failed or its data are missing, 5 the time was
            up (``max_time``), 130 stopped.
    """

    folder: Path
    tasks: tuple[str, ...]
    fingerprints: tuple[str, ...]
    run_ids: frozenset[str]
    exit_code: int = OK

    @classmethod
    def of(cls, report: RunReport, folder: Path) -> "Results":
        """Return the results of a command."""
        specs = [job.spec for job in report.plan.jobs]
        fingerprints = dict.fromkeys(spec.protocol_fingerprint for spec in specs)
        run_ids = frozenset(spec.run_id for spec in specs)
        return cls(folder, tuple(dict.fromkeys(spec.task for spec in specs)), tuple(fingerprints), run_ids, report.exit_code)

    def leaderboard(self) -> Leaderboards:
        """Return the leaderboards. Raises NothingFound if there are no runs."""
        return Leaderboards([build_leaderboard(group) for group in self._groups(TABLE_COLUMNS)])

    def plot(
        self, kind: str = "curves", *, methods: Sequence[str] = (), signals: Sequence[str] = (), param: str | None = None
    ) -> Figure:
        """Return a figure of the results.

        Args:
            kind: ``curves``, ``pareto``, ``per-signal``, ``gallery``, ``critical-difference``, ``sweep``, ``sensitivity``, or a
                probe: ``gradients``, ``activations``, ``ntk`` or ``spectrum``.
            methods: Labels or names of the methods to draw; all if empty.
            signals: Signals to draw; all if empty.
            param: The parameter of a sweep; None for all other kinds.

        Raises:
            BadValue: The results belong to several leaderboards, which cannot share a figure, or ``param`` does not fit the
                kind.
            UnknownName: The kind, a method or a signal does not exist.
            NothingFound: There are no results.
        """
        groups = self._groups((*TABLE_COLUMNS, "curve", "probes", "artifacts"))
        with plots.plot_style():
            return figure_of(kind, groups, self.folder, methods, signals, param)

    def to_pandas(self, table: Table = "runs") -> pd.DataFrame:
        """Return the runs as a data frame.

        Args:
            table: What a row stands for: a run (``runs``), a metric of a run (``metrics``), a point of its curve
                (``curves``), a reading of a probe (``probes``), or a stored file (``artifacts``).

        Raises:
            StoreError: The results folder cannot be read.
        """
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
