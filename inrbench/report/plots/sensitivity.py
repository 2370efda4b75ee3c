"""How good the trials of a search were in which a setting is off."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inrbench.errors import NothingFound
from inrbench.planning.recipes import Tuned
from inrbench.planning.sensitivity import OFF, Sensitivity
from inrbench.planning.trials import RATE
from inrbench.report.plots.labels import height_for, label_right
from inrbench.report.plots.style import line_styles, panels

PANEL_IN = 3.6
"""Width of a panel in inches."""


def sensitivity(recipes: Sequence[Tuned], title: str, unit: str) -> Figure:
    """Draw how the best score changes from the trials near the chosen settings to those that are off by two and by four.

    One panel is about the learning rate, one about the parameter with the largest fall. The trials are those of the first round
    of a search. A cross at the bottom marks a factor at which all trials failed.

    Args:
        recipes: The recipes of one task and protocol.
        title: Title of the figure.
        unit: Unit of the changes.

    Raises:
        NothingFound: No recipe says how far its method falls.
    """
    rates = {each.method: fall for each in recipes for fall in each.falls if fall.name == RATE}
    params = {f"{each.method} {worst.name}": worst for each in recipes if (worst := _most_sensitive(each)) is not None}
    drawn = [(name, falls) for name, falls in (("learning rate", rates), ("most sensitive parameter", params)) if falls]
    if not drawn:
        raise NothingFound(
            f"{title}: no recipe says how far its method falls when a setting is off; search again: inrbench tune"
        )
    figure, axes = panels(len(drawn), title)
    for panel, (name, _) in zip(axes, drawn, strict=True):
        panel.set(xlabel=f"trials with {name} off by about", xscale="log", xticks=(1, *OFF), xticklabels=map(str, (1, *OFF)))
        panel.minorticks_off()
    axes[0].set(ylabel=f"change of best trial{f' ({unit})' if unit else ''}")
    figure.set_size_inches(PANEL_IN * len(drawn), height_for(max(len(falls) for _, falls in drawn), 2.4))
    of_methods = line_styles([each.method for each in recipes])
    styles = {label: of_methods[label.split(" ")[0]] for _, falls in drawn for label in falls}
    for panel, (_, falls) in zip(axes, drawn, strict=True):
        for label, fall in falls.items():
            _draw(panel, fall, styles[label])
        panel.axhline(0, color="#999999", linewidth=0.6, zorder=0)
        panel.margins(x=0.02)
    for panel, (_, falls) in zip(axes, drawn, strict=True):  # the panels share an axis, which is final now
        label_right(panel, {label: _points(fall)[-1][1] for label, fall in falls.items()}, styles)
    return figure


def _draw(panel: Axes, fall: Sensitivity, style: Mapping[str, Any]) -> None:
    panel.plot(*zip(*_points(fall), strict=True), marker="o", markersize=3, **style)
    failed = [factor for factor, each in fall.falls.items() if each == math.inf]
    panel.plot(failed, [0.03] * len(failed), "x", color=style["color"], transform=panel.get_xaxis_transform())


def _points(fall: Sensitivity) -> list[tuple[int, float]]:
    """Return (factor, change of the score) for the factors at which a trial ended well."""
    known = ((factor, each) for factor, each in fall.falls.items() if each is not None and each != math.inf)
    return [(1, 0.0), *((factor, -each) for factor, each in known)]


def _most_sensitive(recipe: Tuned) -> Sensitivity | None:
    """Return the parameter with the largest fall; None if none is known."""
    known = [(each.largest, each.name, each) for each in recipe.falls if each.name != RATE and each.largest is not None]
    return max(known)[2] if known else None
