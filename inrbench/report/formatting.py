"""Text of numbers, metrics and tables, the same for every output format."""

import math
from collections.abc import Sequence
from functools import cache

from inrbench.analyse import ComparableRuns, Entry, Leaderboard, Summary
from inrbench.analyse.costs import pareto_sets, times_to_targets
from inrbench.analyse.run_notes import searched_ranges
from inrbench.analyse.statistics import Interval
from inrbench.console import NONE
from inrbench.metrics import builtin_metrics
from inrbench.report.registered import is_present
from inrbench.spec import Metric, Progress

UNTRAINED = "untrained"


def metric_title(metric: Metric, among: list[Metric]) -> str:
    """Return the head of a column, such as ``PSNR (dB) ↑``.

    The part of the id after @ is in the caption; here it is added only to distinguish columns of one name. A dispersion metric
    has no arrow.

    >>> train, dense = (Metric(id=f"mse@{where}", higher_is_better=False) for where in ("train", "dense-20001"))
    >>> metric_title(train, [train]), metric_title(dense, [train, dense])
    ('MSE ↓', 'MSE dense ↓')
    >>> [metric_title(Metric(id=f"mse@{where}", higher_is_better=False), []) for where in ("sinogram", "mine")]
    ['MSE of projections ↓', 'MSE ↓']
    """
    name, _, detail = metric.id.partition("@")
    words = metric.title or _titles().get(metric.id) or _titles().get(name, name.replace("-", " "))
    namesakes = [d for n, _, d in (other.id.partition("@") for other in among) if n == name]
    if len(namesakes) > 1:
        parts = [d.split("-") for d in namesakes]
        where = next((i for i, same in enumerate(zip(*parts, strict=False)) if len(set(same)) > 1), 0)
        words += f" {detail.split('-')[where]}"
    unit = f" ({metric.unit})" if metric.unit else ""
    arrow = "" if metric.scale == "dispersion" else " ↑" if metric.higher_is_better else " ↓"
    return f"{words}{unit}{arrow}"


@cache
def _titles() -> dict[str, str]:
    """Return the titles of the built-in metrics by id, and by name (the part of the id before ``@``): the shortest one."""
    by_id = {metric.id: metric.title for metric in builtin_metrics().values()}
    by_length = sorted(by_id.items(), key=lambda each: len(each[1]), reverse=True)
    return {**{name.partition("@")[0]: title for name, title in by_length}, **by_id}


def number(value: float, metric: Metric) -> str:
    """Return a number with the digits of its column, which depend on the metric and not on the value.

    >>> error, psnr = Metric(id="mse", higher_is_better=False, scale="log"), Metric(id="psnr", unit="dB", higher_is_better=True)
    >>> number(3.6e-13, error), number(0.3586, psnr), number(0.93121, Metric(id="iou", higher_is_better=True))
    ('3.60e-13', '0.36', '0.9312')
    """
    if not math.isfinite(value):
        return str(value)
    if metric.scale == "log":
        return f"{value:.2e}"
    return f"{value:.{decimals(metric)}f}"


def decimals(metric: Metric) -> int:
    """Return the number of decimals in a column: two for a metric with a unit, otherwise four."""
    return 2 if metric.unit else 4


def cell_text(cell: Summary | None, metric: Metric) -> str:
    """Return the mean with the digits of its column."""
    return NONE if cell is None else number(cell.mean, metric)


def interval_text(interval: Interval, metric: Metric) -> str:
    """Return ``+0.50 [+0.20, +0.80]``, or a factor for a log scale, ``x2.0 [x1.5, x2.7]``.

    >>> interval_text(Interval(0.30103, 0.0, 1.0), Metric(id="mse", higher_is_better=False, scale="log"))
    'x2.00 [x1.00, x10.0]'
    """

    def one(value: float) -> str:
        return f"x{10**value:#.3g}" if metric.scale == "log" else f"{value:+.{decimals(metric)}f}"

    ends = "" if interval.low is None or interval.high is None else f" [{one(interval.low)}, {one(interval.high)}]"
    return one(interval.mean) + ends


def signals_text(row: Entry, n_signals: int) -> str:
    """Return the number of signals: ``24``, or ``22/24: 1 diverged, 1 not run`` if runs are missing."""
    failures = ", ".join(f"{n} {status}" for status, n in row.failures.items())
    return f"{row.n_signals}/{n_signals}: {failures}" if failures else f"{n_signals}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "signal"), counted(8, "signal")
    ('1 signal', '8 signals')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def spread(numbers: Sequence[int], noun: str) -> str:
    """Return the range of some counts with their noun.

    >>> spread([3, 1, 3], "seed"), spread([1, 1], "seed"), spread([], "seed")
    ('1 to 3 seeds', '1 seed', '0 seeds')
    """
    least, most = min(numbers, default=0), max(numbers, default=0)
    return counted(most, noun) if least == most else f"{least} to {counted(most, noun)}"


def seeds_text(row: Entry) -> str:
    """Return the number of seeds per signal: ``3``, or ``1 to 3`` if signals have different numbers."""
    least, most = row.seeds
    return NONE if not most else f"{least}" if least == most else f"{least} to {most}"


def seconds_text(cell: Summary | None) -> str:
    """Return seconds with about three digits."""
    return NONE if cell is None else f"{cell.mean:.3g}" if cell.mean < 1000 else f"{cell.mean:,.0f}"


def mebibytes_text(cell: Summary | None) -> str:
    """Return bytes as whole MiB."""
    return NONE if cell is None else f"{cell.mean / 2**20:,.0f}"


def duration(seconds: float) -> str:
    """Return a duration in seconds, minutes or hours.

    >>> duration(42), duration(90), duration(7200), duration(1_300_000)
    ('42 s', '1.5 min', '2.0 h', '361 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 360_000 else f"{seconds / 3600:,.0f} h"


def progress_text(progress: Progress, primary: str = "") -> str:
    """Return how far a run is, in a few words.

    Args:
        progress: How far it is.
        primary: Id of its primary metric; a neutral name if not given.

    >>> progress_text(Progress(300, 1500, 0.0123, 31.2, 0.2), "psnr@clip")
    'step 300 of 1,500, loss 0.0123, psnr@clip 31.2, 0.2 s per step, about 4.0 min left'
    """
    parts = [f"step {progress.step:,}" + (f" of {progress.steps:,}" if progress.steps else "")]
    if math.isfinite(progress.loss):
        parts.append(f"loss {progress.loss:.3g}")
    if math.isfinite(progress.value):
        parts.append(f"{primary or 'primary metric'} {progress.value:.4g}")
    if math.isfinite(progress.seconds_per_step):
        parts.append(f"{progress.seconds_per_step:.2g} s per step")
    if math.isfinite(progress.seconds_left):
        parts.append(f"about {duration(progress.seconds_left)} left")
    return ", ".join(parts)


def duration_range(low: float, high: float) -> str:
    """Return a range of durations in seconds, or one duration if both would be printed alike.

    >>> duration_range(60, 600), duration_range(90, 91), duration_range(20, 50)
    ('1.0 to 10.0 min', '1.5 min', '20 to 50 s')
    """
    first, last = duration(low), duration(high)
    if first == last:
        return first
    number, unit = first.split()
    return f"{number} to {last}" if unit == last.split()[1] else f"{first} to {last}"


def title(group: ComparableRuns) -> str:
    """Return the title of a table or figure: what all of its runs share."""
    position = f"{group.device_class}, {group.engine} engine"
    return f"{group.task}, protocol {group.protocol} ({group.fingerprint}), {position}, track {group.track}"


def short_title(group: ComparableRuns) -> str:
    """Return the name of a table: task, protocol and, if it is not the usual one, track, device class and engine."""
    parts = [group.track] if group.track != "paper" else []
    parts += [group.device_class] if group.device_class != "cpu" else []
    parts += [f"{group.engine} engine"] if group.engine != "fast" else []
    return f"{group.task}, {group.protocol}" + (f" ({', '.join(parts)})" if parts else "")


def caption(leaderboard: Leaderboard) -> list[str]:
    """Return the caption of a table: signals, averaging, order, metrics, devices and notes."""
    signals = leaderboard.signals[0] if len(leaderboard.signals) == 1 else f"{len(leaderboard.signals)} signals"
    means = "Mean over seeds, then over signals"
    if any(metric.scale == "log" for metric in shown_metrics(leaderboard)):
        means += " (geometric for errors)"
    order = "Sorted by the primary metric (the first). Best and second are marked among methods that trained on every signal"
    if training := [m for m in shown_metrics(leaderboard) if m.role == "training"]:
        primary = leaderboard.metrics[0] in training
        order += f". {metric_title(training[0], leaderboard.metrics)} is the error on the fitted data" + (
            "; the task ranks by it" if primary else "; it is not marked"
        )
    if compared(leaderboard):
        order += ". To best: paired difference to the best method, with a 95 % bootstrap interval over signals"
    if ranked(leaderboard):
        order += ". Methods share a rank if signed-rank tests over signals (Holm) cannot distinguish them from its first"
        order += "; intervals are those of single pairs"
    lines = [
        f"{signals}. {means}. {order}.",
        "Metrics: " + ", ".join(metric.id for metric in shown_metrics(leaderboard)) + ".",
        f"Measured on {' and '.join(leaderboard.devices)}"
        + (f", {leaderboard.worker_layout}." if leaderboard.worker_layout else "."),
    ]
    if any(row.solved for row in leaderboard.rows):
        tested = ", so they have no rank" if ranked(leaderboard) else ""
        names = ", ".join(row.label for row in leaderboard.rows if row.solved)
        lines.append(f"References, solved by least squares and not trained{tested}: {names}.")
    if any(not row.trained for row in leaderboard.rows):
        lines.append(
            "Did not train: the error on the fitted data is not clearly below that of a constant (for equations: of zero). "
            "Not ranked, not marked, in no mean."
        )
    group = leaderboard.group
    if not is_present(group.task, group.protocol, group.fingerprint):
        lines.append(
            f"Note: measured under an earlier edition of the protocol {group.protocol}; a run of today goes into another table."
        )
    return lines + [f"Note: {note}." for note in leaderboard.notes]


def shown_metrics(leaderboard: Leaderboard) -> list[Metric]:
    """Return the metrics shown in a table. Oracle metrics are shown only in its details."""
    return [metric for metric in leaderboard.metrics if metric.role != "oracle"]


def ranked(leaderboard: Leaderboard) -> bool:
    """Return whether a table has enough signals to rank its methods."""
    return any(row.rank is not None for row in leaderboard.rows)


def compared(leaderboard: Leaderboard) -> bool:
    """Return whether a table has enough signals for intervals of the differences to the best method."""
    return any(row.difference_to_best is not None for row in leaderboard.rows)


def rank_text(leaderboard: Leaderboard, row: Entry) -> str:
    """Return the rank of a row: ``2``, or ``1=`` if it is shared."""
    if row.rank is None:
        return NONE
    return f"{row.rank}=" if sum(other.rank == row.rank for other in leaderboard.rows) > 1 else f"{row.rank}"


def details(leaderboard: Leaderboard) -> list[str]:
    """Return lines on spread, oracle metrics, Pareto sets, ranges of a search, and the time to reach 30, 35 and 40 dB."""
    first = metric_title(leaderboard.metrics[0], leaderboard.metrics) if leaderboard.metrics else ""
    spreads = ", ".join(
        f"{row.label} {_spread(cell)}"
        for row in leaderboard.rows
        if row.trained and leaderboard.metrics and (cell := row.cells.get(leaderboard.metrics[0].id)) and cell.std is not None
    )
    lines = [f"Spread of {first} over signals (not the uncertainty of the mean): {spreads}."] if spreads else []
    for metric in (metric for metric in leaderboard.metrics if metric.role == "oracle"):
        values = ", ".join(f"{row.label} {cell_text(row.cells.get(metric.id), metric)}" for row in leaderboard.rows)
        lines.append(f"{metric_title(metric, leaderboard.metrics)}, if the truth chose the checkpoint: {values}.")
    lines += [
        f"Not beaten in {first} and {cost} together: {', '.join(names)}."
        for cost, names in (pareto_sets(leaderboard) if leaderboard.metrics else {}).items()
    ]
    by_target: dict[float, list[str]] = {}
    for time in times_to_targets(leaderboard.group) if leaderboard.worker_layout else ():
        spent = f"{time.seconds:.3g} s" if math.isfinite(time.seconds) else f"> {time.longest:.3g} s"
        by_target.setdefault(time.target, []).append(f"{time.label} {spent} ({time.reached}/{time.runs})")
    lines += [
        f"Ranges of the search of {label}: {ranges}." for label, ranges in searched_ranges(leaderboard.group.runs).items()
    ]
    return lines + [
        f"Median training time to {target:g} dB (runs that reached it / all runs): {', '.join(texts)}."
        for target, texts in by_target.items()
    ]


def _spread(cell: Summary) -> str:
    assert cell.std is not None
    return f"x{cell.std:.2f}" if cell.log else _deviation(cell.std)


def spread_text(spread: float, metric: Metric) -> str:
    """Return a standard deviation on a metric's scale: a number, or a factor for a metric on a log scale."""
    return f"x{10**spread:.2f}" if metric.scale == "log" else _deviation(spread)


def _deviation(value: float) -> str:
    return f"{value:.2f}" if value >= 0.01 or value == 0 else f"{value:.1g}"


def header(leaderboard: Leaderboard) -> list[str]:
    """Return the column heads of a table."""
    metrics = [metric_title(metric, leaderboard.metrics) for metric in shown_metrics(leaderboard)]
    if compared(leaderboard):
        metrics.insert(1, "to best [95 %]")
    times = ["train (s)"] if leaderboard.worker_layout else []
    memory = ["GPU peak (MiB)"] if _on_gpu(leaderboard) else []
    return ["method", *(["rank"] if ranked(leaderboard) else []), *metrics, *times, *memory, "params", "seeds", "signals"]


def _on_gpu(leaderboard: Leaderboard) -> bool:
    return any(row.gpu_bytes is not None for row in leaderboard.rows)


def cells(leaderboard: Leaderboard, row: Entry) -> list[tuple[str, str | None]]:
    """Return (text, mark) per column of a row. A mark is ``best``, ``second``, None, or ``untrained`` (the whole row)."""
    metrics = [(cell_text(row.cells.get(m.id), m), row.marks.get(m.id)) for m in shown_metrics(leaderboard)]
    if compared(leaderboard):
        difference_to_best = (
            NONE if row.difference_to_best is None else interval_text(row.difference_to_best, leaderboard.metrics[0])
        )
        metrics.insert(1, (difference_to_best, None))
    times = [(seconds_text(row.train_seconds), None)] if leaderboard.worker_layout else []
    memory = [(mebibytes_text(row.gpu_bytes), None)] if _on_gpu(leaderboard) else []
    params = NONE if row.n_params is None else f"{row.n_params:,}"
    if row.n_params_min != row.n_params:
        params = f"{row.n_params_min:,} to {params}"
    params += f" → {row.n_deployed:,}" if row.n_deployed is not None else ""
    tail = [(params, None), (seeds_text(row), None), (signals_text(row, len(leaderboard.signals)), None)]
    ranks = [(rank_text(leaderboard, row), None)] if ranked(leaderboard) else []
    label = row.label if row.trained else f"{row.label} (did not train)"
    texts = [(label, None), *ranks, *metrics, *times, *memory, *tail]
    return texts if row.trained else [(text, UNTRAINED) for text, _ in texts]
