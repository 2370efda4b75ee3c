"""Measurements of runs, for a million numbers at a time: stored as columns, with a view per run that reads like its list."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from inrbench.spec import Metric


class Measurements:
    """The column ``metrics`` of a store as arrays, with one row per run and one column per metric.

    ``values`` is NaN where nothing is stored. ``known`` is True where there is a number, which may itself be NaN.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        lists = column.combine_chunks()
        flat, self._rows = lists.flatten(), pc.list_parent_indices(lists).to_numpy()
        encoded = flat.field("id").dictionary_encode()
        self.ids: list[str] = encoded.dictionary.to_pylist()
        self._codes = encoded.indices.to_numpy()
        shape = (len(lists), len(self.ids))
        numbers = flat.field("value")
        self.present, self.known = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self.values = np.full(shape, np.nan)
        self.present[self._rows, self._codes] = True
        self.known[self._rows, self._codes] = numbers.is_valid().to_numpy(zero_copy_only=False)
        self.values[self._rows, self._codes] = numbers.to_numpy(zero_copy_only=False)
        self._notes = flat.field("note")
        starts = np.unique(self._codes, return_index=True)[1]
        facts = {name: flat.field(name) for name in ("unit", "higher_is_better", "scale")}
        self.metrics = [
            Metric(id=name, **{field: present[int(start)].as_py() for field, present in facts.items()})
            for name, start in zip(self.ids, starts, strict=True)
        ]

    def views(self) -> "list[Measured]":
        """Return one view per run."""
        return [Measured(self, row) for row in range(len(self.values))]

    def items(self, row: int) -> Iterator[dict[str, Any]]:
        """Yield a run's measurements as stored, in the stored order."""
        begin, end = np.searchsorted(self._rows, (row, row + 1))
        for place in range(begin, end):
            code = self._codes[place]
            metric = self.metrics[code]
            yield {
                "id": metric.id,
                "value": float(self.values[row, code]) if self.known[row, code] else None,
                "note": self._notes[int(place)].as_py(),
                "unit": metric.unit,
                "higher_is_better": metric.higher_is_better,
                "scale": metric.scale,
            }


class Measured:
    """One run's measurements; iterating yields the stored dictionaries."""

    __slots__ = ("row", "whole")

    def __init__(self, whole: Measurements, row: int) -> None:
        self.whole, self.row = whole, row

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.whole.items(self.row)

    def value(self, metric_id: str) -> float | None:
        """Return a metric's value; None if it is missing."""
        if metric_id not in self.whole.ids:
            return None
        code = self.whole.ids.index(metric_id)
        return float(self.whole.values[self.row, code]) if self.whole.known[self.row, code] else None


def known_values(views: Sequence[Measured], metric_id: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a metric's value in each run, and a mask of the runs that have one."""
    if not len(views) or metric_id not in views[0].whole.ids:
        return np.full(len(views), np.nan), np.zeros(len(views), dtype=bool)
    whole, rows = views[0].whole, [view.row for view in views]
    code = whole.ids.index(metric_id)
    return whole.values[rows, code], whole.known[rows, code]


def missing_notes(views: Sequence[Measured]) -> Iterator[tuple[str, str | None]]:
    """Yield (metric, reason) for each value that a run should have but does not."""
    if len(views):
        whole, rows = views[0].whole, [view.row for view in views]
        for place in np.flatnonzero((whole.present[rows] & ~whole.known[rows]).any(axis=1)):
            yield from ((item["id"], item["note"]) for item in views[int(place)] if item["value"] is None)


def metrics_in(views: Sequence[Measured]) -> list[Metric]:
    """Return the metrics that at least one run has, in the order in which the runs list them."""
    if not len(views):
        return []
    whole, found = views[0].whole, dict[str, Metric]()
    number = whole.present[[view.row for view in views]].any(axis=0).sum()
    for view in views:
        for item in view:
            found.setdefault(item["id"], whole.metrics[whole.ids.index(item["id"])])
        if len(found) == number:
            break
    return list(found.values())
