"""How numbers, metrics and tables are written, the same in every format."""

import math

from inrbench.analyse import Board, Cell, Group, Row
from inrbench.analyse.costs import pareto_sets, times_to_targets
from inrbench.spec import Metric

NONE = "–"


def metric_title(metric: Metric, among: list[Metric]) -> str:
    """Return a column's head, ``PSNR (dB) ↑``. What stands behind @ is in the caption, or here if needed to tell two apart.

    A spread has no arrow.

    >>> train, dense = (Metric(id=f"mse@{where}", higher_is_better=False) for where in ("train", "dense-20001"))
    >>> metric_title(train, [train]), metric_title(dense, [train, dense])
    ('MSE ↓', 'MSE dense ↓')
    """
    name, _, detail = metric.id.partition("@")
    words = name.replace("-", " ")
    for short in ("psnr", "snr", "ssim", "lpips", "mse", "se", "iou"):
        words = " ".join(part.upper() if part == short else part for part in words.split(" "))
    namesakes = [d for n, _, d in (other.id.partition("@") for other in among) if n == name]
    if len(namesakes) > 1:
        parts = [d.split("-") for d in namesakes]
        where = next((i for i, same in enumerate(zip(*parts, strict=False)) if len(set(same)) > 1), 0)
        words += f" {detail.split('-')[where]}"
    unit = f" ({metric.unit})" if metric.unit else ""
    arrow = "" if metric.scale == "spread" else " ↑" if metric.higher_is_better else " ↓"
    return f"{words}{unit}{arrow}"


def number(value: float, log: bool) -> str:
    """Return a number with the digits that mean something: 3.60e-13, 31.25, 0.9312.

    >>> number(3.6e-13, True), number(31.2512, False), number(0.93121, False)
    ('3.60e-13', '31.25', '0.9312')
    """
    if not math.isfinite(value):
        return str(value)
    if log:
        return f"{value:.2e}"
    return f"{value:.4f}" if abs(value) < 2 else f"{value:.2f}"


def cell_text(cell: Cell | None) -> str:
    """Return ``31.25 ± 2.10``, or ``3.60e-13 ×/÷ 2.1`` for geometric means."""
    if cell is None:
        return NONE
    text = number(cell.mean, cell.log)
    if cell.spread is None:
        return text
    if cell.log:
        return f"{text} ×/÷ {cell.spread:.1f}"
    digits = len(text.partition(".")[2])  # as many as the mean has
    return f"{text} ± {cell.spread:.{digits}f}"


def runs_text(row: Row, n_runs: int) -> str:
    """Return ``24/24``, or ``22/24: 1 diverged, 1 not run``."""
    failures = ", ".join(f"{n} {status}" for status, n in row.failures.items())
    return f"{row.n_ok}/{n_runs}" + (f": {failures}" if failures else "")


def seconds_text(cell: Cell | None) -> str:
    """Return seconds with about three digits."""
    return NONE if cell is None else f"{cell.mean:.3g}" if cell.mean < 1000 else f"{cell.mean:,.0f}"


def mebibytes_text(cell: Cell | None) -> str:
    """Return bytes as whole MiB."""
    return NONE if cell is None else f"{cell.mean / 2**20:,.0f}"


def duration(seconds: float) -> str:
    """Return a length of time as people say it.

    >>> duration(42), duration(90), duration(7200), duration(1_300_000)
    ('42 s', '1.5 min', '2.0 h', '361 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 360_000 else f"{seconds / 3600:,.0f} h"


def title(group: Group) -> str:
    """Return the line above a table or a figure: what all of its runs share."""
    track = "" if group.track == "paper" else f", track {group.track}"
    place = f"{group.device_class}, {group.engine} engine"
    return f"{group.task}, protocol {group.protocol} ({group.fingerprint}), {place}{track}"


def caption(board: Board) -> list[str]:
    """Return the lines below a table: what was averaged, which metrics exactly, on what, and what is missing."""
    signals = board.signals[0] if len(board.signals) == 1 else f"{len(board.signals)} signals"
    seeds = f"seed {board.seeds[0]}" if len(board.seeds) == 1 else f"{len(board.seeds)} seeds"
    spread = "mean ± standard deviation over signals and seeds"
    if any(metric.scale == "log" for metric in board.metrics):
        spread += " (errors: geometric mean ×/÷ factor)"
    order = "sorted by the first metric; best and second are marked among methods with all runs"
    if ranked(board):
        order += "; methods that signed-rank tests over signals (Holm) cannot tell apart share a rank"
    lines = [
        f"{signals}, {seeds}; {spread}; {order}.",
        "Metrics: " + ", ".join(metric.id for metric in board.metrics) + ".",
        f"Measured on {' and '.join(board.devices)}" + (f", {board.sharing}." if board.sharing else "."),
    ]
    return lines + [f"Note: {note}." for note in board.notes]


def ranked(board: Board) -> bool:
    """Whether a table has signals enough to tell methods apart."""
    return any(row.rank is not None for row in board.rows)


def rank_text(board: Board, row: Row) -> str:
    """Return ``2``, or ``1=`` where it is shared."""
    if row.rank is None:
        return NONE
    return f"{row.rank}=" if sum(other.rank == row.rank for other in board.rows) > 1 else f"{row.rank}"


def details(board: Board) -> list[str]:
    """Return lines on what quality costs: Pareto sets, and the time to reach 30, 35 and 40 dB."""
    first = metric_title(board.metrics[0], board.metrics) if board.metrics else ""
    lines = [
        f"Not beaten in {first} and {cost} together: {', '.join(names)}."
        for cost, names in (pareto_sets(board) if board.metrics else {}).items()
    ]
    by_target: dict[float, list[str]] = {}
    for time in times_to_targets(board.group) if board.sharing else ():
        spent = f"{time.seconds:.3g} s" if math.isfinite(time.seconds) else f"> {time.longest:.3g} s"
        by_target.setdefault(time.target, []).append(f"{time.label} {spent} ({time.reached}/{time.runs})")
    return lines + [
        f"Median training time to {target:g} dB (runs that reached it): {', '.join(texts)}."
        for target, texts in by_target.items()
    ]


def header(board: Board) -> list[str]:
    """Return the heads of a table's columns."""
    metrics = [metric_title(metric, board.metrics) for metric in board.metrics]
    times = ["train (s)"] if board.sharing else []
    return ["method", *(["rank"] if ranked(board) else []), *metrics, *times, "peak (MiB)", "params", "runs"]


def cells(board: Board, row: Row) -> list[tuple[str, str | None]]:
    """Return (text, mark) of each column of a row."""
    metrics = [(cell_text(row.cells.get(metric.id)), row.marks.get(metric.id)) for metric in board.metrics]
    times = [(seconds_text(row.train_seconds), None)] if board.sharing else []
    params = NONE if row.n_params is None else f"{row.n_params:,}"
    params += f" → {row.n_deployed:,}" if row.n_deployed is not None else ""
    tail = [(mebibytes_text(row.peak_bytes), None), (params, None), (runs_text(row, board.n_runs), None)]
    ranks = [(rank_text(board, row), None)] if ranked(board) else []
    return [(row.label, None), *ranks, *metrics, *times, *tail]
