"""Verdicts on claims: the paper's number, this project's with its interval, and whether the difference is meaningful.

A paper prints the outcome of one run, so the question is whether that outcome could be one of this project's runs. The test is
a prediction interval for one more run. It comes from the spread over seeds (of log10 values for errors), or, if the method has
a single run, from the seeds of the other methods of the table. It is never narrower than the printed digits, nor, for errors,
than a tenth of a decade. A result much better than printed is not a reproduction either, and is noted.

    reproduced         three seeds or more, and the number is within their spread; or the ordering holds in each of them
    consistent         as reproduced, with fewer seeds, or with runs that failed, or not in each seed; or so near to a bound
                       that another seed may be on its other side
    both fail          the paper's run did not train, and this project's runs did not either
    bound holds        a bound that the paper states holds, by more than the spread; other methods may satisfy it as well
    not reproduced     outside the spread
    incomplete         measured on a part of the signals: a claim about each signal holds there, a claim about a mean is open;
                       or other than printed, by one run whose spread over seeds is not known
    protocol differs   measured, but only with a different budget from the paper's
    protocol guessed   measured, but the paper does not print the conditions: no evidence for or against the paper
    not run            nothing was measured
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from inrbench.analyse.claim_scores import look_up, order_of, seed_spread
from inrbench.analyse.claims import SECONDS, Claim, metric_of
from inrbench.analyse.run_notes import LOAD_COLUMNS, busy
from inrbench.analyse.runs import ComparableRuns
from inrbench.metrics.field import RELATIVE_L2
from inrbench.registry import Registry, Task
from inrbench.spec import Metric, ProtocolLabel

COLUMNS = ("status", "metrics", "probes", "train_seconds", "run_id", *LOAD_COLUMNS)
LOG_FLOOR = 0.1
"""Difference between errors, in decades, that is always allowed."""
SEEDS_TO_REPRODUCE = 3
DISTURBED = "no times: the runs began on a machine that was busy with other work, or were not timed alike"
VerdictName = Literal[
    "reproduced", "consistent", "bound holds", "both fail", "not reproduced", "incomplete", "protocol differs",
    "protocol guessed", "not run",
]  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """The verdict on a claim about one method, or about all methods of a block.

    Args:
        claim: The claim.
        label: The method.
        claimed: The claimed number, bound or position, as text.
        outcome: Name of the verdict.
        measured: The measured number; None if there is none.
        low: Lower end of the prediction interval for one more run; None without an interval.
        high: Upper end of the prediction interval for one more run; None without an interval.
        note: Remarks on the outcome.
        runs: Ids of the runs behind the verdict.
    """

    claim: Claim
    label: str
    claimed: str
    outcome: VerdictName
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""
    runs: tuple[str, ...] = ()
    n_seeds: int = 0
    """Number of seeds behind the measured number."""
    found: str = ""
    """The place that was found, for a claim about an order: ``best on 3 of 24``."""

    @property
    def text(self) -> str:
        """The outcome as it is printed, such as ``consistent (1 seed)``."""
        if self.outcome != "consistent":
            return self.outcome
        return f"consistent ({self.n_seeds} seed{'s' if self.n_seeds > 1 else ''})"


def evaluate_claims(claims: Sequence[Claim], groups: Sequence[ComparableRuns], registry: Registry) -> list[Verdict]:
    """Return the verdicts on claims, in the order of the blocks.

    Args:
        claims: Claims to evaluate.
        groups: Runs to evaluate them with.
        registry: Registry with the tasks of the claims.
    """
    return [_unless_guessed(verdict) for claim in claims for verdict in _evaluate_claim(claim, groups, registry)]


def _unless_guessed(verdict: Verdict) -> Verdict:
    """Replace the outcome by ``protocol guessed`` if the conditions of the claim are a guess."""
    if not verdict.claim.guessed or verdict.outcome in ("not run", "protocol differs"):
        return verdict
    text = _joined(f"under the guessed conditions: {verdict.text}", verdict.note, verdict.claim.guessed)
    return replace(verdict, outcome="protocol guessed", note=text)


def _evaluate_claim(claim: Claim, groups: Sequence[ComparableRuns], registry: Registry) -> Iterable[Verdict]:
    task = registry.task(claim.task)
    fingerprint = task.protocols[claim.protocol].fingerprint(task.name, task.version)
    metric = metric_of(claim, registry) or Metric(id=claim.metric, higher_is_better=True)
    of_task = [group for group in groups if group.task == claim.task and group.track == "paper"]
    if claim.metric == SECONDS.id:
        of_task = [_on_quiet_machines(group) for group in of_task]
    right = [group for group in of_task if group.fingerprint == fingerprint]
    wrong = sorted((group for group in of_task if group.fingerprint != fingerprint), key=_distance_from_paper)
    if claim.kind == "best":
        found = [_order(claim, metric, right, wrong)]
    else:
        found = [_number(claim, metric, label, right, wrong) for label in claim.methods]
    if claim.metric != SECONDS.id:
        return found
    return [
        replace(each, note=_joined(each.note, DISTURBED))
        if each.outcome in ("not run", "incomplete") and not each.found and _has_untimed_runs(of_task, each.label)
        else each
        for each in found
    ]


def _has_untimed_runs(groups: Sequence[ComparableRuns], label: str) -> bool:
    """Return whether a method has runs that ended well without a time that can be used."""
    return any(
        ((group.runs["label"] == label) & (group.runs["status"] == "ok") & group.runs["train_seconds"].isna()).any()
        for group in groups
    )


def _on_quiet_machines(group: ComparableRuns) -> ComparableRuns:
    """Return a group without the times of runs that began on a machine that was busy with other work."""
    if not set(LOAD_COLUMNS) <= set(group.runs):
        return group
    seconds = group.runs["train_seconds"].mask(busy(group.runs))
    return replace(group, runs=group.runs.assign(train_seconds=seconds))


def _distance_from_paper(group: ComparableRuns) -> int:
    """Return the place of a group's protocol among those that differ from the paper's: a scale model before a smoke test."""
    label = ProtocolLabel.parse(group.protocol)
    return 2 * {"standard": 0, "quick": 2}.get(label.name, 1) + bool(label.changes)


def _number(
    claim: Claim, metric: Metric, label: str, right: Sequence[ComparableRuns], wrong: Sequence[ComparableRuns]
) -> Verdict:
    bound = claim.kind == "bound"
    number = claim.values[label] if not bound else claim.above.get(label, claim.below.get(label, 0.0))
    claimed = f"{'>' if label in claim.above else '<'} {number:g}" if bound else f"{number:g}"
    log = metric.scale == "log"
    found = look_up(claim, metric, label, right)
    if found is None or not len(found.values):
        if found is not None and claim.metric != SECONDS.id:  # the times of runs that ended well may be missing
            return Verdict(claim, label, claimed, "not reproduced", note=f"{found.failed} run(s) failed")
        return _elsewhere(claim, metric, label, claimed, wrong)
    by_seed = found.by_seed(claim.signals)
    if not len(by_seed):
        missing = len(claim.signals) - found.values["signal"].nunique()
        note = f"{missing} of {len(claim.signals)} signals missing" if missing else "no seed has all signals"
        if found.failed and claim.metric != SECONDS.id:
            return Verdict(
                claim, label, claimed, "not reproduced", note=f"{found.failed} run(s) failed; {note}", runs=found.runs
            )
        return Verdict(claim, label, claimed, "incomplete", note=note, runs=found.runs)
    mean, n_seeds, why = found.mean(claim.signals), len(by_seed), f"{found.failed} run(s) failed" if found.failed else ""
    half = seed_spread(by_seed, claim, metric, found.group)
    if claim.metric == SECONDS.id:
        note = "the paper's hardware is not stated"
        return Verdict(claim, label, claimed, "protocol differs", metric.from_scale(mean), runs=found.runs, note=note)
    unknown, half = half is None, half or 0.0
    if unknown:
        why = _joined(why, "the spread over seeds is not known")
    value = metric.from_scale(mean)
    target = metric.to_scale(number)
    allowed = max(half, _printed_digits(number, log), LOG_FLOOR if log else 0.0)
    outside: VerdictName = "incomplete" if unknown else "not reproduced"
    if bound:
        beyond = (mean - target) * (1 if label in claim.above else -1)
        outcome: VerdictName = outside if beyond < -allowed else "bound holds" if beyond > allowed else "consistent"
    elif claim.metric == RELATIVE_L2.id and min(number, value) >= Task.trained_below:
        outcome = "both fail"
    elif abs(mean - target) <= allowed:
        outcome = "reproduced" if n_seeds >= SEEDS_TO_REPRODUCE and not found.failed else "consistent"
    else:
        outcome = outside
        if claim.probe is None and (mean > target) == metric.higher_is_better:
            why = _joined("better than printed", why)
    low, high = (metric.from_scale(mean - half), metric.from_scale(mean + half)) if half else (None, None)
    return Verdict(claim, label, claimed, outcome, value, low, high, why, found.runs, n_seeds)


def _joined(*notes: str) -> str:
    """Return the notes that are not empty, as one text."""
    return "; ".join(filter(None, notes))


def _printed_digits(number: float, log: bool) -> float:
    """Return half a unit of the last printed digit; in decades for a log scale.

    >>> _printed_digits(42.74, False)
    0.005
    """
    digits, _, exponent = repr(number).partition("e")
    decimals = len(digits.partition(".")[2])
    half = round(0.5 * 10.0 ** (int(exponent or 0) - decimals), 12 + decimals)
    return float(np.log10(1 + half / number)) if log else half


def _elsewhere(claim: Claim, metric: Metric, label: str, claimed: str, wrong: Sequence[ComparableRuns]) -> Verdict:
    """Return ``protocol differs`` with the value under the other protocol, or ``not run``."""
    candidates = (look_up(claim, metric, label, [group]) for group in wrong)
    found = next((each for each in candidates if each is not None and len(each.values)), None)
    if found is None:
        return Verdict(claim, label, claimed, "not run")
    mean = float(found.values["value"].mean())
    value = metric.from_scale(mean)
    note = f"measured under protocol {found.group.protocol}"
    return Verdict(claim, label, claimed, "protocol differs", value, note=note, runs=found.runs)


def _order(claim: Claim, metric: Metric, right: Sequence[ComparableRuns], wrong: Sequence[ComparableRuns]) -> Verdict:
    """Evaluate a claim about which method leads."""
    ranks = _place(claim.position)
    claimed = f"{claim.best} {ranks} of {len(claim.compared)}" + (" on every signal" if claim.each_signal else "")
    found = order_of(claim, metric, right)
    outcome: VerdictName | None = None
    note = ""
    if found is None:
        found = order_of(claim, metric, wrong)
        if found is None:
            return Verdict(claim, claim.best, claimed, "not run")
        outcome, note = "protocol differs", f"measured under protocol {found.group.protocol}"
    scores = found.scores
    sign = -1.0 if metric.higher_is_better else 1.0
    places = (sign * scores).rank(axis=1, method="min")[claim.best]
    won = int((places == claim.position).sum())
    order = list((sign * scores.mean()).sort_values().index)
    place = order.index(claim.best) + 1
    holds = won == len(scores) if claim.each_signal else place == claim.position
    shown = f"{ranks} on {won} of {len(scores)}" if claim.each_signal else f"{_place(place)} of {len(order)}"
    text = "" if claim.each_signal else f"order: {', '.join(order)}"
    if missing := len(claim.signals) - len(scores):
        note = _joined(note, f"{missing} of {len(claim.signals)} signals missing")
    if outcome is None and missing and (holds or not claim.each_signal):
        best = look_up(claim, metric, claim.best, right)
        failed = best.failed if best is not None and claim.metric != SECONDS.id else 0
        note = f"{failed} run(s) of {claim.best} failed; {note}" if failed else note
        outcome = "not reproduced" if failed and claim.each_signal else "incomplete"
    if outcome is None:
        agree, seeds = found.agreeing_seeds(claim, metric)
        note = _joined(note, f"in {agree} of {seeds} seeds" if agree < seeds > 1 else "")
        each = min(found.n_seeds, agree) >= SEEDS_TO_REPRODUCE and agree == seeds
        outcome = ("reproduced" if each else "consistent") if holds else "not reproduced"
    return Verdict(
        claim,
        claim.best,
        claimed,
        outcome,
        note=_joined(text, note),
        runs=found.runs,
        n_seeds=found.n_seeds,
        found=shown,
    )


def _place(number: int) -> str:
    return {1: "best", 2: "second best"}.get(number, f"place {number}")
