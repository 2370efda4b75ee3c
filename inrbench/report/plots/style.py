"""One style for all figures: as wide as a paper column, colour-blind safe, and the same colour for a method everywhere."""

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import resources
from textwrap import wrap
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inrbench.analyse import summarise
from inrbench.spec import MethodLabel

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C564B")
"""The palette of Okabe and Ito, with brown in place of yellow, which is hard to see on paper."""
Dash = str | tuple[int, tuple[int, ...]]
DASHES: tuple[Dash, ...] = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)))
MARKERS: Mapping[Dash, str] = dict(zip(DASHES, "os^DP", strict=True))
"""Dashes -> marker, to distinguish rows of one colour that are drawn as dots."""
COLUMN_WIDTH_IN = 3.4
"""Width of a paper column in inches."""
SETTINGS: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.linewidth": 0.4,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "savefig.dpi": 200,
    "svg.hashsalt": "inrbench",
    "savefig.bbox": "tight",
    "figure.constrained_layout.use": True,
}


@contextmanager
def plot_style() -> Iterator[None]:
    """Apply the style while drawing and saving, then restore matplotlib's settings."""
    with mpl.rc_context(SETTINGS):
        yield


def panels(count: int, title: str, height: float = 2.2) -> tuple[Figure, list[Axes]]:
    """Return a figure and its panels, at most three per row, with a shared y axis. The figure opens no window.

    Args:
        count: Number of panels, at least 1.
        title: Title of the figure.
        height: Height of a row of panels in inches.
    """
    columns = min(count, 3)
    rows = -(-count // columns)
    figure = Figure(figsize=(COLUMN_WIDTH_IN * (1 if columns == 1 else 0.75 * columns), height * rows))
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel().tolist()
    for spare in axes[count:]:
        spare.remove()
    figure.suptitle(title, fontsize=7, color="#555555")
    return figure, axes[:count]


def average(log: bool) -> Callable[["pd.Series[float]"], float]:
    """Return the function that averages values over runs as in the tables; it returns NaN if there are none."""
    return lambda values: summarise(known, log).mean if len(known := values.dropna()) else float("nan")


def line_style(label: str) -> dict[str, Any]:
    """Return the line style of a row: the colour of its method, with dashes that distinguish its settings."""
    parsed = MethodLabel.parse(label)
    method, variant = parsed.method, parsed.variant
    known = _order()
    place = known.index(method) if method in known else _number(method)
    dashes = place // len(COLOURS) + (1 + _number(variant) if variant else 0)
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[dashes % len(DASHES)]}


def line_styles(labels: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the line style of each row of a figure. If all rows are settings of one method, each has its own colour."""
    names = sorted(set(labels))
    if len(names) > 1 and len({MethodLabel.parse(name).method for name in names}) == 1:
        return {name: {"color": COLOURS[i % len(COLOURS)], "linestyle": "-"} for i, name in enumerate(names)}
    found = {name: line_style(name) for name in names}
    taken: set[tuple[str, Dash]] = set()
    for style in found.values():  # dashes come from a hash, so two settings of a method may get the same
        free = [dash for dash in (style["linestyle"], *DASHES) if (style["color"], dash) not in taken]
        style["linestyle"] = free[0] if free else style["linestyle"]
        taken.add((style["color"], style["linestyle"]))
    return found


def marker_styles(labels: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the marker style of each row of a figure in which rows are drawn as dots."""
    return {
        name: {"color": line["color"], "marker": MARKERS[line["linestyle"]], "linestyle": "none", "markersize": 4}
        for name, line in line_styles(labels).items()
    }


def wrap_label(label: str) -> str:
    """Return the label of a row, wrapped to fit the title of a panel."""
    return "\n".join(wrap(label.replace(",", ", "), 30))


@cache
def _order() -> list[str]:
    text = resources.files("inrbench.report.plots").joinpath("colours.toml").read_text(encoding="utf-8")
    order: list[str] = tomllib.loads(text)["order"]
    return order


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
