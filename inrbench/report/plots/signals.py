"""The primary metric on each signal, as dots."""

from matplotlib.figure import Figure

from inrbench.analyse import ComparableRuns, metrics_of, scores_by_signal
from inrbench.errors import NothingFound
from inrbench.report import formatting
from inrbench.report.plots.labels import height_for, label_right
from inrbench.report.plots.style import COLUMN_WIDTH_IN, marker_styles, panels


def per_signal(group: ComparableRuns) -> Figure:
    """Draw the primary metric of every method on every signal, averaged over seeds; the best method sorts the signals."""
    metrics = metrics_of(group.runs)
    if not metrics:
        raise NothingFound(f"{formatting.title(group)}: none of these runs has a value")
    metric = metrics[0]
    scores = scores_by_signal(group, metric)
    if scores.empty:
        raise NothingFound(f"{formatting.title(group)}: no run of these trained")
    scores = (10.0**scores) if metric.scale == "log" else scores
    best = scores.mean().idxmax() if metric.higher_is_better else scores.mean().idxmin()
    scores = scores.sort_values(best)
    figure, (axes,) = panels(1, formatting.title(group))
    figure.set_figwidth(max(COLUMN_WIDTH_IN, 0.25 * len(scores) + 1))
    style = marker_styles(map(str, scores))
    for label in scores:
        look = {**style[str(label)], "markersize": 3, "linestyle": "-", "linewidth": 0.4}
        axes.plot(range(len(scores)), scores[label], label=label, **look)
    axes.set_xticks(range(len(scores)), scores.index, rotation=90)
    axes.set(yscale="log" if metric.scale == "log" else "linear", ylabel=formatting.metric_title(metric, [metric]))
    axes.set_xlim(-0.5, len(scores) - 0.5)
    figure.set_figheight(height_for(len(scores.columns), figure.get_figheight()) + 0.5)
    ends = {str(label): float(known.iloc[-1]) for label in scores if len(known := scores[label].dropna())}
    label_right(axes, ends, style)
    return figure
