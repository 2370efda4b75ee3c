"""What a run left, as tables, figures and data frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
from matplotlib.figure import Figure

from inrbench.analyse import TABLE_COLUMNS, Board, comparable_runs, leaderboards
from inrbench.errors import OK
from inrbench.execute import Request, make_plan
from inrbench.report import plots, to_csv, to_markdown
from inrbench.report.plots.draw import figure_of
from inrbench.report.site import to_html
from inrbench.store import load_results


class Leaderboards:
    """Tables of results, one for each task, protocol fingerprint and class of device. A notebook shows them, print too."""

    def __init__(self, boards: Sequence[Board]) -> None:
        self.boards = list(boards)

    def __str__(self) -> str:
        """Return Markdown."""
        return to_markdown(self.boards)

    def _repr_html_(self) -> str:
        return to_html(self.boards)

    def to_csv(self) -> str:
        """Return the tables as CSV, one row a method."""
        return to_csv(self.boards)


@dataclass(frozen=True)
class Results:
    """The runs of some tasks and protocols in a results folder, those of earlier commands among them."""

    folder: Path
    tasks: tuple[str, ...]
    fingerprints: tuple[str, ...]
    exit_code: int = OK
    """That of ``inrbench run``: 0 all well, 1 some run failed or its data is missing, 130 stopped."""

    @classmethod
    def of(cls, request: Request, folder: Path, exit_code: int) -> "Results":
        """Return the results that a request meant."""
        plan, _ = make_plan(request, {})
        specs = [job.spec for job in plan.todo]
        fingerprints = dict.fromkeys(spec.protocol_fingerprint for spec in specs)
        return cls(folder, tuple(dict.fromkeys(spec.task for spec in specs)), tuple(fingerprints), exit_code)

    def leaderboard(self) -> Leaderboards:
        """Return the tables. Raises NothingFound if no run is there."""
        return Leaderboards(leaderboards(self.folder, self.tasks, self.fingerprints))

    def plot(
        self, kind: str = "curves", *, methods: Sequence[str] = (), signals: Sequence[str] = (), over: str | None = None
    ) -> Figure:
        """Return a figure: curves, pareto, per-signal, gallery, sweep (``over`` a parameter), or what a probe read.

        Raises BadValue where the results are of several tables, which cannot share a figure; NothingFound if there are none.
        """
        groups = comparable_runs(
            self.folder, (*TABLE_COLUMNS, "curve", "probes", "artifacts"), self.tasks, self.fingerprints
        )  # fmt: skip
        with plots.house_style():
            return figure_of(kind, groups, self.folder, methods, signals, over)

    def to_pandas(self, table: Literal["runs", "metrics", "curves", "probes"] = "runs") -> pd.DataFrame:
        """Return one row a run, a metric of a run, a point of its curve, or a reading of a probe."""
        frame = load_results(self.folder, table)
        return frame[frame["task"].isin(self.tasks) & frame["protocol_fingerprint"].isin(self.fingerprints)].reset_index(
            drop=True
        )
