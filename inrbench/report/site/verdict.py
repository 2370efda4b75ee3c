"""What a table says, in one line: the best method, its value, its lead, and how sure that is."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from inrbench.analyse import CONSTANT, Entry, Leaderboard, scores_by_signal
from inrbench.analyse.overall import is_off_grid
from inrbench.analyse.statistics import LEVEL, MIN_PAIRS, can_distinguish
from inrbench.report import formatting
from inrbench.report.plots.curves import mean_curves
from inrbench.report.site.tiers import SMOKE_TEST, tier
from inrbench.spec import Metric

Status = Literal["sure", "not decided", "open", "smoke test", ""]
"""How sure an order is: a test distinguishes the first two; it does not; there are too few values; do not cite it; no order."""


@dataclass(frozen=True)
class Verdict:
    """What a table says.

    Args:
        winner: Label of the best method; "" if there is none.
        value: Its primary metric, with the unit.
        reference: Whether the best method is solved and not trained.
        margin: Its lead over the best other method that is trained, with the 95 % interval if known.
        sure: How sure the order is, in words.
        status: The same in a word; "" if there is nothing to compare.
        remarks: What a reader should know before they take the best method.
    """

    winner: str
    value: str
    reference: bool
    margin: str
    sure: str
    status: Status = ""
    remarks: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether a test distinguishes the best method from the next one."""
        return self.status == "sure"


CLEARLY = {"dB": 0.2, "decades": 0.1}
"""Unit -> difference above which a method was clearly better before the end of its training; CLEARLY_ELSE for other units."""
CLEARLY_ELSE = 0.02
SOLVED_BELOW = 0.1
"""Largest relative error of a solution that counts as one."""
MUCH_LARGER = 1.2
"""Number of parameters, as a share of the median of the table, above which a page says so."""


def verdict_of(leaderboard: Leaderboard) -> Verdict:
    """Return what a table says."""
    primary = {metric.id for metric in leaderboard.metrics[:1]}
    complete = [row for row in leaderboard.rows if row.complete and row.trained and primary <= row.cells.keys()]
    if not leaderboard.metrics or all(row.label == CONSTANT for row in complete):
        return Verdict("", "", False, "", "No method trained on every signal.")
    metric = leaderboard.metrics[0]
    best, *others = complete
    fitted = " on the fitted data" if metric.role == "training" else ""
    number = formatting.cell_text(best.cells.get(metric.id), metric)
    value = f"{_name(metric, leaderboard)}{fitted} {number}{_unit(metric)}"
    if metric.id.startswith("relative-l2") and best.cells[metric.id].mean > SOLVED_BELOW:
        text = f"Not solved: {best.label} is best with an error of {best.cells[metric.id].mean:.0%} of the solution."
        return Verdict("", "", False, "", text)
    methods = [row for row in others if not row.solved]
    ahead = [row.label for row in others[: others.index(methods[0])]] if methods else [row.label for row in others]
    remarks = _ahead_of(ahead, methods[0].label if methods else "") + _remarks(leaderboard, complete, methods)
    if not methods:
        alone = "No method trained on every signal." if best.solved else "The only method that trained on every signal."
        return Verdict(best.label, value, best.solved, "", alone, "", remarks)
    margin = f"ahead of {methods[0].label} by {_lead(leaderboard, best, methods[0])}"
    return Verdict(best.label, value, best.solved, margin, *_certainty(leaderboard, best, methods), remarks)


def _ahead_of(references: Sequence[str], second: str) -> tuple[str, ...]:
    """Return a remark on the references that are better than every method but the best one."""
    if not references or not second:
        return ()
    names = " and ".join(references)
    verb = "is a reference" if len(references) == 1 else "are references"
    return (f"{names} {verb}, solved and not trained, and also ahead of {second}.",)


def _name(metric: Metric, leaderboard: Leaderboard) -> str:
    """Return the name of a metric in a table, without its unit and its arrow."""
    return formatting.metric_title(metric, leaderboard.metrics).split(" (")[0].rstrip(" ↑↓")


def _unit(metric: Metric) -> str:
    """Return what follows a value of a metric: a space and its unit, or "" if it has none."""
    return f" {metric.unit}" if metric.unit else ""


def _lead(leaderboard: Leaderboard, best: Entry, second: Entry) -> str:
    """Return the lead of the best method: a difference, or a factor for a metric on a log scale."""
    metric = leaderboard.metrics[0]
    first, other = best.cells[metric.id].mean, second.cells[metric.id].mean
    interval = second.difference_to_best
    ends: list[float] = []
    if interval is not None and interval.low is not None and interval.high is not None:
        sign = -1 if metric.higher_is_better else 1
        ends = sorted((sign * interval.low, sign * interval.high))
    if metric.scale == "log":
        text = f"a factor of {max(first, other) / min(first, other):.3g}" if min(first, other) > 0 else "a factor"
        shown = [f"{10**end:.3g}" for end in ends]
    else:
        digits = formatting.decimals(metric)
        text = f"{abs(first - other):.{digits}f}" + (f" {metric.unit}" if metric.unit else "")
        shown = [f"{end:.{digits}f}" for end in ends]
    return f"{text} [{', '.join(shown)}]" if shown else text


def _certainty(leaderboard: Leaderboard, best: Entry, others: Sequence[Entry]) -> tuple[str, Status]:
    """Return how sure it is that the best row is better than the next method, in words and in one word.

    If the table has ranks, they decide. Otherwise the test against the best row decides, which needs fewer signals. If the best
    row is a reference, which has no rank, this test decides, too.

    Args:
        leaderboard: The table.
        best: The best row.
        others: The other complete rows that are trained, the best first.
    """
    second = others[0]
    signals, seeds = len(leaderboard.signals), second.seeds[0] if best.solved else min(best.seeds[0], second.seeds[0])
    where = f"{formatting.counted(signals, 'signal')}, {formatting.counted(seeds, 'seed')}"
    if second.p_to_best is None:
        return f"Open: {where}, {'too few for a test' if signals < MIN_PAIRS else 'some values are missing'}.", "open"
    tested = [row for row in others if row.p_to_best is not None]
    if best.rank is None and not can_distinguish(signals, len(tested)):
        return f"Open: {where}, too few for a test of {len(tested) + 1} methods.", "open"
    apart = second.rank != best.rank if best.rank is not None else second.p_to_best < LEVEL
    if not apart:
        if best.rank is not None:
            equal = [row.label for row in others if row.rank == best.rank]
        else:
            equal = [row.label for row in tested if row.p_to_best is not None and row.p_to_best >= LEVEL]
        *names, last = [best.label, *equal]
        text = f"Not decided: tests over these signals cannot distinguish {', '.join(names)} and {last} ({where})."
        return text, "not decided"
    if tier(leaderboard) == SMOKE_TEST:
        return f"Clear in this smoke test ({where}); do not cite it.", "smoke test"
    return f"Sure on these signals with these settings ({where}; 95 % interval in brackets).", "sure"


def _remarks(leaderboard: Leaderboard, complete: Sequence[Entry], methods: Sequence[Entry]) -> tuple[str, ...]:
    """Return whether another method is best between the fitted points, and whether the best one is much larger than others.

    Args:
        leaderboard: The table.
        complete: The complete rows, the best first.
        methods: The complete rows that are trained, without the best row.
    """
    best, found = complete[0], []
    for metric in leaderboard.metrics[1:]:
        rows = [row for row in complete if metric.id in row.cells]
        if not _is_between(metric) or len(rows) < 2:
            continue
        sign = -1.0 if metric.higher_is_better else 1.0
        first = min(rows, key=lambda row: sign * row.cells[metric.id].mean)
        if first is not best:
            values = [formatting.cell_text(row.cells[metric.id], metric) for row in (first, best) if metric.id in row.cells]
            if len(set(values)) > 1:
                which = f"By {_name(metric, leaderboard)}, between the fitted points, {first.label} is best"
                found.append(f"{which}: {' against '.join(values)}{_unit(metric)}.")
        elif methods and (text := _smaller_lead(leaderboard, metric, best, methods[0])):
            found.append(text)
        break
    found += _best_by_other_metrics(leaderboard, best)
    found += _worse_than_a_constant(leaderboard, best)
    found += _better_before_the_end(leaderboard, complete)
    sizes = [row.n_params for row in (best, *methods) if row.n_params]
    if best.n_params and sizes and best.n_params > MUCH_LARGER * statistics.median(sizes):
        found.append(f"{best.label} has {best.n_params / statistics.median(sizes):.1f} times the parameters of most.")
    return tuple(found)


def _smaller_lead(leaderboard: Leaderboard, metric: Metric, best: Entry, second: Entry) -> str:
    """Return a remark if the lead of the best method is less than half as large between the fitted points; "" if not.

    Args:
        leaderboard: The table.
        metric: The metric between the fitted points.
        best: The best row by the primary metric.
        second: The second row by the primary metric.
    """
    primary = leaderboard.metrics[0]
    known = all({primary.id, metric.id} <= row.cells.keys() for row in (best, second))
    if not known or metric.scale == "log" or metric.scale_unit != primary.scale_unit:
        return ""
    fitted, between = (
        abs(each.to_scale(best.cells[each.id].mean) - each.to_scale(second.cells[each.id].mean)) for each in (primary, metric)
    )
    if between >= fitted / 2:
        return ""
    return f"Between the fitted points, {best.label} is ahead of {second.label} by only {between:.2f}{_unit(metric)}."


def _is_between(metric: Metric) -> bool:
    """Return whether a metric is measured between the fitted points."""
    return is_off_grid(metric) or "dense" in metric.id


def _best_by_other_metrics(leaderboard: Leaderboard, best: Entry) -> list[str]:
    """Return a remark on the metrics by which another row is best, without those between the fitted points."""
    others: dict[str, list[str]] = {}
    for metric in leaderboard.metrics[1:]:
        first = [row.label for row in leaderboard.rows if row.marks.get(metric.id) == "best"]
        if first and best.label not in first and not _is_between(metric):
            others.setdefault(" and ".join(first), []).append(_name(metric, leaderboard))
    texts = [f"{label} ({', '.join(metrics)})" for label, metrics in others.items()]
    return [f"Best by other metrics: {'; '.join(texts)}."] if texts else []


def _worse_than_a_constant(leaderboard: Leaderboard, best: Entry) -> list[str]:
    """Return a remark if the best constant (the method ``mean``) is better than the best method on some signals."""
    group, metric = leaderboard.group, leaderboard.metrics[0]
    scores = scores_by_signal(group, metric, group.runs["status"] == "ok")
    if not {CONSTANT, best.label} <= set(scores.columns) or best.label == CONSTANT:
        return []
    ahead = scores[CONSTANT] - scores[best.label]
    better = int((ahead > 0).sum() if metric.higher_is_better else (ahead < 0).sum())
    if not better:
        return []
    return [f"On {better} of {formatting.counted(len(scores), 'signal')} a constant is better than {best.label}."]


def _better_before_the_end(leaderboard: Leaderboard, complete: Sequence[Entry]) -> list[str]:
    """Return a remark if a method was clearly better during training than the best one is at the end: it fitted noise then."""
    group, metric, best = leaderboard.group, leaderboard.metrics[0], complete[0]
    if "curve" not in group.runs:
        return []
    drawn, labels = mean_curves(group, metric), {row.label for row in complete}
    lines = {label: line["value"] for label, line in drawn.lines.items() if label in labels and len(line)}
    if best.label not in lines:
        return []
    peaks = {label: line.idxmax() if metric.higher_is_better else line.idxmin() for label, line in lines.items()}
    sign = -1.0 if metric.higher_is_better else 1.0
    label = min(peaks, key=lambda each: sign * float(lines[each][peaks[each]]))
    peak, final = float(lines[label][peaks[label]]), best.cells[metric.id].mean
    if sign * (metric.to_scale(peak) - metric.to_scale(final)) > -CLEARLY.get(metric.scale_unit, CLEARLY_ELSE):
        return []
    place = f"at step {peaks[label]:,.0f}" if drawn.axis == "step" else f"after {100 * peaks[label]:.2g} % of its steps"
    value = f"{formatting.number(peak, metric)}{_unit(metric)}"
    return [f"All values are those after the last step; {label} had {value} {place}."]
