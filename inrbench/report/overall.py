"""The overall table, for a terminal and as Markdown."""

from collections.abc import Sequence

from tabulate import tabulate

from inrbench.analyse.overall import Overall, OverallEntry
from inrbench.analyse.statistics import Interval
from inrbench.console import NONE
from inrbench.report.formatting import counted


def overall_text(results: Sequence[Overall], style: str = "simple") -> str:
    """Return one table per family.

    Args:
        results: The results, such as those of ``overall``.
        style: Table format of tabulate: ``simple``, ``pipe`` for Markdown.
    """
    return "\n\n".join(_one(result, style) for result in results) + "\n"


def _one(result: Overall, style: str) -> str:
    units = list(result.entries[0].gaps)
    heads = [
        "method",
        "wins",
        "mean rank",
        *(f"to best ({unit})" if unit else "to best (no unit)" for unit in units),
        "trained",
    ]
    rows = [_cells(entry, units) for entry in result.entries]
    table = tabulate(rows, heads, tablefmt=style, disable_numparse=True, colalign=("left", *["right"] * (len(heads) - 1)))
    bold = "**" if style == "pipe" else ""
    tables = ", ".join(f"{name}: {counted(n, 'signal')}" for name, n in result.tables.items())
    lines = [
        f"{bold}Overall: {result.family}{bold}", "", table, "",
        f"Tables, of equal weight: {tables}.",
        "wins: share of comparisons with another method that is trained, on a signal; mean rank: among these methods.",
        "to best: distance to the best row of a signal, mean over the signals on which the method trained.",
        "In brackets: 95 % bootstrap intervals over signals.",
    ]  # fmt: skip
    if result.left_out:
        missing = ", ".join(f"{label} ({len(names)})" for label, names in result.left_out.items())
        lines.append(f"Left out, with the number of tables in which signals are missing: {missing}.")
    return "\n".join(lines)


def _cells(entry: OverallEntry, units: Sequence[str]) -> list[str]:
    return [
        entry.label,
        percent_text(entry.win_rate),
        number_text(entry.mean_rank),
        *(number_text(entry.gaps[unit], decimals_of(unit)) for unit in units),
        f"{entry.trained:.0%}",
    ]


def percent_text(value: Interval) -> str:
    """Return ``75% [60%, 90%]``, or ``75%`` if the interval has no width."""
    return " ".join(percent_parts(value)).rstrip()


def percent_parts(value: Interval) -> tuple[str, str]:
    """Return ``75%`` and ``[60%, 90%]``; no interval if it has no width."""
    text = f"{value.mean:.0%}"
    if value.low is None or value.high is None or value.low == value.high:
        return text, ""
    return text, f"[{value.low:.0%}, {value.high:.0%}]"


def decimals_of(unit: str) -> int:
    """Return the decimals of distances in a unit: four without a unit, as for IoU, which is between 0 and 1."""
    return 2 if unit else 4


def number_text(value: Interval, decimals: int = 2) -> str:
    """Return ``1.25 [0.90, 1.60]``; a dash for a method that trained nowhere."""
    return " ".join(number_parts(value, decimals)).rstrip()


def number_parts(value: Interval, decimals: int = 2) -> tuple[str, str]:
    """Return ``1.25`` and ``[0.90, 1.60]``; no interval if it has no width, and a dash for a method that trained nowhere."""
    if value.mean != value.mean:  # not a number: it trained nowhere
        return NONE, ""
    text = f"{value.mean:.{decimals}f}"
    if value.low == value.high or value.low is None or value.high is None:
        return text, ""
    return text, f"[{value.low:.{decimals}f}, {value.high:.{decimals}f}]"
