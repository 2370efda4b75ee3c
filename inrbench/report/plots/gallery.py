"""Reconstructions side by side, as papers show them: the truth, each method, its error, and a corner under a lens."""

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
"""Signals that a gallery shows at most."""
ZOOM = 5
"""A lens is one over this of a picture's sides."""
FRAME = "#D55E00"
TRUTH, RECONSTRUCTION = "truth.png", "reconstruction.png"


def gallery(group: ComparableRuns, results: Path) -> Figure:
    """Draw for each signal the truth and each method's reconstruction with a zoomed inset and the primary metric above, and the
    absolute errors below, on one scale a signal; of the first seed.

    Raises NothingFound where no run of these left a picture.
    """
    shown, truths = {}, {}
    metric = next(iter(metrics_of(group.runs)), None)
    for run in group.runs.sort_values("seed", ascending=False).itertuples(index=False):
        files = artifact_files(results, run.artifacts)
        if metric and run.status == "ok" and {TRUTH, RECONSTRUCTION} <= set(files):
            try:
                image, truth = picture_pair(files[RECONSTRUCTION], files[TRUTH])
            except BadValue as error:
                log.warning("passed over: %s", error)
                continue
            shown[run.signal, run.label] = image, measured(run.metrics, metric.id)
            truths[run.signal] = truth
    if not shown or metric is None:
        raise NothingFound(
            f"{formatting.title(group)}: no run of these left a picture in '{results}' (inrbench run --artifacts last)"
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
    """Return the absolute error ``(H, W)``, the mean over channels."""
    error: NDArray[np.float32] = np.abs(image - truth).mean(axis=2)
    return error


def most_detailed_window(truth: Picture) -> tuple[slice, slice]:
    """Return the window of a picture, on a grid of windows, that varies most: where there is most to get wrong."""
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
    left = (columns.start + columns.stop) / 2 > image.shape[1] / 2  # the lens lies across, so that it hides not what it shows
    lens = axes.inset_axes((0.0 if left else 0.55, 0.0, 0.45, 0.45))
    lens.imshow(image[rows, columns])
    lens.set(xticks=[], yticks=[])
    for spine in lens.spines.values():
        spine.set(visible=True, color=FRAME, linewidth=1.0)


def _rectangle(corner: tuple[float, float], width: float, height: float) -> matplotlib.patches.Rectangle:
    return matplotlib.patches.Rectangle(corner, width, height, fill=False, edgecolor=FRAME, linewidth=0.8)
