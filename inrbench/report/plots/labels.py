"""Write the names of rows next to what is drawn, so that a figure needs no legend: legible up to forty names."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

FONT_SIZE = 6.5
LINE_IN = 0.115
"""Height of a line of text in inches."""
LETTER_IN = 0.05
"""Width of a letter in inches."""
SHARE = 0.72
"""Share of a figure's height that its axes have."""
OFFSET, MARKER = 0.025, 0.012
"""Distance of a name from its point, and half of the width of a marker, as shares of the width of the axes."""
Style = Mapping[str, Mapping[str, Any]]


def height_for(names: int, least: float) -> float:
    """Return the height in inches of a figure whose axes have room for names above each other.

    Args:
        names: Number of names.
        least: Smallest height in inches.
    """
    return max(least, 1.2 * names * LINE_IN / SHARE + 0.3)


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Return places from 0 to 1 that are at least ``gap`` apart, in the same order, as near to the given ones as possible.

    If there is no room, the gap is smaller. The sum of squared moves is the smallest possible: without the gaps between them,
    the places are the isotonic regression of the given ones.

    >>> [round(place, 3) for place in spread([0.5, 0.5, 0.9], 0.1)]
    [0.45, 0.55, 0.9]
    >>> [round(place, 3) for place in spread([0.95, 0.99], 0.1)]
    [0.9, 1.0]
    """
    if not places:
        return []
    order = np.argsort(places, kind="stable")
    gap = min(gap, 1 / max(len(places) - 1, 1))
    offsets = gap * np.arange(len(places))
    near = isotonic_regression(np.asarray(places)[order] - offsets).x
    moved = np.empty(len(places))
    moved[order] = np.clip(near, 0, 1 - offsets[-1]) + offsets
    return [float(place) for place in moved]


def label_right(axes: Axes, ends: Mapping[str, float], styles: Style) -> None:
    """Write names at the right of the axes, each with a thin line to its value.

    Args:
        axes: Axes whose limits and scales are final.
        ends: Name -> value at the right end.
        styles: Name -> style with ``color``.
    """
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    height = figure.get_figheight() * SHARE
    names = list(ends)
    shares = [_share(axes, 0.0, ends[name], 1) for name in names]
    for name, share, place in zip(names, shares, spread(shares, LINE_IN / height), strict=True):
        colour = styles[name]["color"]
        axes.annotate(
            name,
            (1.0, min(max(share, 0.0), 1.0)),
            xytext=(1.05, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            fontsize=FONT_SIZE,
            color=colour,
            va="center",
            arrowprops=_leader(colour, 0.0),
        )


def label_points(axes: Axes, points: Mapping[str, tuple[float, float]], styles: Style, width_in: float) -> None:
    """Write a name next to each point, moved up or down where another name is in the way.

    Args:
        axes: Axes whose limits and scales are final.
        points: Name -> position.
        styles: Name -> style with ``color``.
        width_in: Width of the axes in inches.
    """
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    line = LINE_IN / (figure.get_figheight() * SHARE)
    shares = {name: (_share(axes, x, y, 0), _share(axes, x, y, 1)) for name, (x, y) in points.items()}
    taken = [(x - MARKER, x + MARKER, y) for x, y in shares.values()]
    for name, (x, y) in sorted(shares.items(), key=lambda item: item[1]):
        width = len(name) * LETTER_IN / width_in
        places = [(side, y + step * line) for step in sorted(range(-20, 21), key=abs) for side in (1, -1)]
        side, height = next(
            (place for place in places if _is_free(x, place, width, line, taken)), (1 if x + width < 1 else -1, y)
        )
        begin, end = _extent(x, side, width)
        taken.append((begin, end, height))
        colour = styles[name]["color"]
        axes.annotate(
            name,
            (x, y),
            xytext=(x + side * OFFSET, height),
            xycoords="axes fraction",
            textcoords="axes fraction",
            fontsize=FONT_SIZE,
            color=colour,
            va="center",
            ha="left" if side > 0 else "right",
            arrowprops=_leader(colour, 0.0 if side > 0 else 1.0),
        )


def _leader(colour: Any, start: float) -> dict[str, Any]:
    """Return the style of the line between a name and its value; it starts at a share of the name's width."""
    return {"arrowstyle": "-", "color": colour, "linewidth": 0.4, "shrinkA": 1, "shrinkB": 0, "relpos": (start, 0.5)}


def _extent(x: float, side: int, width: float) -> tuple[float, float]:
    """Return the begin and the end of a name at the right (1) or left (-1) of a point."""
    begin = x + OFFSET if side > 0 else x - OFFSET - width
    return begin, begin + width


def _is_free(
    x: float, place: tuple[int, float], width: float, line: float, taken: Sequence[tuple[float, float, float]]
) -> bool:
    """Return whether a name at a place is inside of the axes, and touches no marker and no other name."""
    side, height = place
    begin, end = _extent(x, side, width)
    if begin < 0 or end > 1 or not 0 <= height <= 1:
        return False
    return all(abs(height - other) >= line or end < low or begin > high for low, high, other in taken)


def _share(axes: Axes, x: float, y: float, axis: int) -> float:
    """Return where a position is along an axis, as a share of the axes: 0 is left or bottom, 1 is right or top."""
    low, high = axes.get_xlim() if axis == 0 else axes.get_ylim()
    scale = (axes.xaxis if axis == 0 else axes.yaxis).get_transform()
    begin, value, end = scale.transform([low, (x, y)[axis], high])
    return float((value - begin) / (end - begin))
