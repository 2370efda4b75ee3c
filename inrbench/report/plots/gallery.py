"""Reconstructions side by side, as in papers: the truth, each method, its error, and an enlarged window."""

import logging
from pathlib import Path

import matplotlib.patches
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from inrbench.analyse import ComparableRuns, measured, metrics_of
from inrbench.console import NONE
from inrbench.errors import BadValue, NothingFound
from inrbench.report import formatting
from inrbench.report.artifacts import Picture, picture_pair
from inrbench.report.plots.style import wrap_label
from inrbench.store import artifact_files

log = logging.getLogger(__name__)
MAX_SIGNALS = 4
"""Largest number of signals in a gallery."""
ZOOM = 5
"""Side of a picture divided by the side of its enlarged window."""
FRAME = "#D55E00"
TRUTH, RECONSTRUCTION = "truth.png", "reconstruction.png"


def gallery(group: ComparableRuns, results: Path) -> Figure:
    """Draw the truth and each method's reconstruction of each signal, with the absolute errors below.

    Each picture has a zoomed inset; the primary metric is in its title. Errors of one signal share a scale. The first seed with
    pictures is shown. Raises NothingFound if none of the runs left a picture.
    """
    shown, truths = {}, {}
    metric = next(iter(metrics_of(group.runs)), None)
    for run in group.runs.sort_values("seed", ascending=False).itertuples(index=False):
        files = artifact_files(results, run.artifacts)
        if metric and run.status == "ok" and {TRUTH, RECONSTRUCTION} <= set(files):
            try:
                image, truth = picture_pair(files[RECONSTRUCTION], files[TRUTH])
            except BadValue as error:
                log.warning("left out: %s", error)
                continue
            shown[run.signal, run.label] = image, measured(run.metrics, metric.id)
            truths[run.signal] = truth
    if not shown or metric is None:
        raise NothingFound(
            f"{formatting.title(group)}: none of these runs left a picture in '{results}' (inrbench run --artifacts last)"
        )
    signals, labels = sorted(truths)[:MAX_SIGNALS], sorted({label for _, label in shown})
    figure = Figure(figsize=(1.4 * (1 + len(labels)), 3.0 * len(signals)))
    grid = figure.subplots(2 * len(signals), 1 + len(labels), squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    for number, signal in enumerate(signals):
        above, below = grid[2 * number], grid[2 * number + 1]
        corner = most_detailed_window(truths[signal])
        _draw(above[0], truths[signal], corner, f"truth\n{signal}")
        found = {label: shown[signal, label] for label in labels if (signal, label) in shown}
        errors = {label: error_map(image, truths[signal]) for label, (image, _) in found.items()}
        worst = max(float(np.quantile(error, 0.99)) for error in errors.values()) or 1.0
        for column, label in enumerate(labels, start=1):
            if label in found:
                image, value = found[label]
                number_text = NONE if value is None else formatting.number(value, metric)
                _draw(above[column], image, corner, f"{wrap_label(label)}\n{number_text} {metric.unit}".rstrip())
                below[column].imshow(errors[label], cmap="magma", vmin=0, vmax=worst)
        below[0].text(
            0.5, 0.5, f"absolute error\n0 to {worst:.2g}", ha="center", va="center", transform=below[0].transAxes, fontsize=7
        )
    figure.suptitle(formatting.title(group), fontsize=7, color="#555555")
    return figure


def error_map(image: Picture, truth: Picture) -> NDArray[np.float32]:
    """Return the absolute error ``(H, W)``, averaged over channels."""
    error: NDArray[np.float32] = np.abs(image - truth).mean(axis=2)
    return error


def most_detailed_window(truth: Picture) -> tuple[slice, slice]:
    """Return the window, on a regular grid, in which a picture varies most and is hardest to fit."""
    height, width = (max(side // ZOOM, 1) for side in truth.shape[:2])
    windows = [
        (slice(top, top + height), slice(left, left + width))
        for top in range(0, truth.shape[0] - height + 1, height)
        for left in range(0, truth.shape[1] - width + 1, width)
    ]
    return max(windows, key=lambda window: float(truth[window].std(axis=(0, 1)).mean()))


def _draw(axes: Axes, image: Picture, corner: tuple[slice, slice], title: str) -> None:
    rows, columns = corner
    axes.imshow(image)
    axes.set_title(title, fontsize=7)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    axes.add_patch(_rectangle((columns.start - 0.5, rows.start - 0.5), *size))
    left = (columns.start + columns.stop) / 2 > image.shape[1] / 2  # inset on the other side, so as not to hide the window
    lens = axes.inset_axes((0.0 if left else 0.55, 0.0, 0.45, 0.45))
    lens.imshow(image[rows, columns])
    lens.set(xticks=[], yticks=[])
    for spine in lens.spines.values():
        spine.set(visible=True, color=FRAME, linewidth=1.0)


def _rectangle(corner: tuple[float, float], width: float, height: float) -> matplotlib.patches.Rectangle:
    return matplotlib.patches.Rectangle(corner, width, height, fill=False, edgecolor=FRAME, linewidth=0.8)
