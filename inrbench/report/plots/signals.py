"""Signal by signal: numbers as dots, and reconstructions side by side."""

from pathlib import Path

import matplotlib.image
from matplotlib.figure import Figure

from inrbench.analyse import Group, metrics_of
from inrbench.analyse.compare import scores_by_signal
from inrbench.errors import NothingFound
from inrbench.report import words
from inrbench.report.plots.style import COLUMN, dots, folded, panels
from inrbench.store import artifact_folder

TALLEST = 8
"""Signals that a gallery shows at most."""


def per_signal(group: Group) -> Figure:
    """Draw the primary metric of every method on every signal, seeds averaged, the signals in the order of the best one's."""
    metrics = metrics_of(group.runs)
    if not metrics:
        raise NothingFound(f"{words.title(group)}: no run of these has a number")
    metric = metrics[0]
    scores = scores_by_signal(group, metric)
    scores = (10.0**scores) if metric.scale == "log" else scores
    best = scores.mean().idxmax() if metric.higher_is_better else scores.mean().idxmin()
    scores = scores.sort_values(best)
    figure, (axes,) = panels(1, words.title(group))
    figure.set_figwidth(max(COLUMN, 0.25 * len(scores) + 1))
    style = dots(map(str, scores))
    for label in scores:
        axes.plot(range(len(scores)), scores[label], label=label, **{**style[str(label)], "markersize": 3})
    axes.set_xticks(range(len(scores)), scores.index, rotation=90)
    axes.set(yscale="log" if metric.scale == "log" else "linear", ylabel=words.metric_title(metric, [metric]))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def gallery(group: Group, results: Path) -> Figure:
    """Draw the pictures that runs left, a row a signal and a column a method, with the primary metric; of the first seed.

    Raises NothingFound where no run of these left a picture.
    """
    shown = {}
    for run in group.runs.sort_values("seed", ascending=False).itertuples(index=False):
        pictures = sorted(artifact_folder(results, run.run_id).glob("*.png"))
        if run.status == "ok" and pictures:
            shown[run.signal, run.label] = pictures[0], run.metrics[0]["value"]
    if not shown:
        raise NothingFound(
            f"{words.title(group)}: no run of these left a picture in '{results}' (inrbench run --artifacts last)"
        )
    signals = sorted({signal for signal, _ in shown})[:TALLEST]
    labels = sorted({label for _, label in shown})
    metric = metrics_of(group.runs)[0]
    figure = Figure(figsize=(1.4 * len(labels), 1.6 * len(signals)))
    grid = figure.subplots(len(signals), len(labels), squeeze=False)
    for row, signal in zip(grid, signals, strict=True):
        for axes, label in zip(row, labels, strict=True):
            axes.set_axis_off()
            if (signal, label) in shown:
                picture, value = shown[signal, label]
                axes.imshow(matplotlib.image.imread(picture))
                axes.set_title(f"{folded(label)}\n{words.number(value, metric.scale == 'log')} {metric.unit}".rstrip())
    figure.suptitle(words.title(group), fontsize=7, color="#555555")
    return figure
