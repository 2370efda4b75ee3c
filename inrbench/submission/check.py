"""Check a submission: its files, its rows, its method, and some of its runs, which are carried out again."""

import math
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from inrbench.analyse import comparable_runs, measured, metrics_of
from inrbench.planning import RunOptions
from inrbench.plugin_checks import CheckResult, check_method
from inrbench.registry import Registry
from inrbench.runner import QuietObserver, run
from inrbench.spec import MethodLabel, Metric, ProtocolLabel
from inrbench.store import read_runs, verify
from inrbench.store.read import read_all_attempts
from inrbench.submission.bundle import RESULTS, Bundle, not_submittable, read_bundle

COLUMNS = ("status", "metrics")
DECIBELS, DECADES, SHARE = 1.0, 0.3, 0.05
"""Largest difference between a submitted run and its repetition, for each kind of metric."""


def check_bundle(folder: Path, sample: int = 2) -> Iterator[CheckResult]:
    """Yield the results of the checks of a submission. The method's code is executed, in this process, too.

    Args:
        folder: A private copy of the submission (``private_copy``).
        sample: Number of runs to repeat, chosen at random.

    Raises:
        BadValue: The folder is not a submission, or its files are not those of its manifest.
    """
    bundle = read_bundle(folder)
    yield CheckResult("files", "ok", f"{len(bundle.files)} files have the hashes of the manifest")
    found = verify(folder / RESULTS)
    for path, fault in found.faults.items():
        yield CheckResult("rows", "fail", f"{path.relative_to(folder)} {fault}")
    if found.faults:
        return
    if found.unchecked:
        message = f"{found.unchecked} of the runs are of the first version, whose id cannot be checked"
        yield CheckResult("rows", "fail", message, "carry them out again")
        return
    registry = Registry([folder / bundle.plugin])
    if unfit := _not_for_others(folder, registry):
        yield CheckResult("rows", "fail", unfit)
        return
    yield CheckResult("rows", "ok", f"{found.attempts} rows agree with their ids")
    wrong = _wrong_code(folder, bundle, registry)
    yield wrong or CheckResult("code", "ok", f"the rows are of the code of {bundle.plugin}")
    if wrong:
        return
    failed = False
    for name in bundle.methods:
        for result in check_method(registry.method(name), registry.method(name).defaults(), compiled=False):
            failed |= result.state == "fail"
            if result.state != "ok":
                yield CheckResult(f"{name}: {result.check}", result.state, result.message, result.advice)
    if failed:
        return
    yield CheckResult("method", "ok", "the checks of inrbench check-plugin pass")
    yield from _repeat(folder, bundle, sample)


def _not_for_others(folder: Path, registry: Registry) -> str | None:
    """Return which of all stored rows others cannot check, and why: also if another row of the same run hides it."""
    for row in read_all_attempts(folder / RESULTS, ["run_id", "task", "signal", "track"])[0].to_pylist():
        if why := not_submittable(row, registry):
            return f"contains run {row['run_id'][:10]}, which others cannot check: {why}"
    return None


def _wrong_code(folder: Path, bundle: Bundle, registry: Registry) -> CheckResult | None:
    """Return a failed check if the submitted rows are of other methods or of other code than the file."""
    rows = read_all_attempts(folder / RESULTS, ["method", "method_sha256"])[0].to_pandas()
    if others := sorted(set(rows["method"]) - set(bundle.methods)):
        return CheckResult("code", "fail", f"the results contain runs of {others[0]}, which is not submitted")
    for name in bundle.methods:
        if name not in registry.names_in(folder / bundle.plugin):
            return CheckResult("code", "fail", f"{bundle.plugin} does not register {name}")
        code = registry.source("method", name).sha256()
        if code != bundle.code_sha256:
            return CheckResult("code", "fail", f"the code of {bundle.plugin} is not the one in the manifest")
        if set(rows.loc[rows["method"] == name, "method_sha256"]) != {code}:
            return CheckResult("code", "fail", f"runs of {name} are of other code than {bundle.plugin}", "run it again")
    return None


def _repeat(folder: Path, bundle: Bundle, sample: int) -> Iterator[CheckResult]:
    """Carry some runs out again, and compare their primary metrics with the submitted ones."""
    submitted = _primary_metrics(folder / RESULTS)
    if sample and not (chosen := _sampled(folder, bundle, sample)):
        yield CheckResult(
            "again", "warn", "no run can be repeated here: none on a CPU and on another track than tuned ended well"
        )
    for run_id, options in (chosen if sample else {}).items():
        with tempfile.TemporaryDirectory() as scratch:
            ((_, outcome),) = run(replace(options, results=Path(scratch)), QuietObserver()).outcomes or ((None, None),)
            repeated = _primary_metrics(Path(scratch)) if outcome else {}
        about = f"again: {options.tasks}/{options.signals} {options.methods}, seed {options.seeds[0]}"
        if run_id not in repeated:
            if outcome is not None and outcome.status == "skipped":
                yield CheckResult(about, "warn", f"not carried out: {outcome.message}")
            else:
                yield CheckResult(about, "fail", "the run fails here, or has another id")
            continue
        metric, before = submitted[run_id]
        now = repeated[run_id][1]
        text = f"{metric.id}: submitted {before:.4g}, now {now:.4g}"
        yield CheckResult(about, "ok" if agree(before, now, metric) else "fail", text)


def agree(before: float, now: float, metric: Metric) -> bool:
    """Return whether two values of a metric agree: within 1 dB, 0.3 decades of an error, or 5 %.

    Rounding differs between machines, and training amplifies it.

    Args:
        before: The submitted value.
        now: The value of the repeated run.
        metric: The metric of both.

    >>> psnr, mse = Metric(id="psnr", unit="dB", higher_is_better=True), Metric(id="mse", higher_is_better=False, scale="log")
    >>> agree(30.0, 30.9, psnr), agree(30.0, 31.1, psnr), agree(1e-5, 1.9e-5, mse), agree(1e-5, 2.1e-5, mse)
    (True, False, True, False)
    """
    if metric.scale == "log":
        return before > 0 < now and abs(math.log10(now / before)) <= DECADES
    if metric.unit == "dB":
        return abs(now - before) <= DECIBELS
    return abs(now - before) <= SHARE * abs(before)


def _primary_metrics(results: Path) -> dict[str, tuple[Metric, float]]:
    """Return the primary metric and its value of each run that ended ok, by run id."""
    found = {}
    for group in comparable_runs(results, COLUMNS):
        metrics = metrics_of(group.runs)
        if not metrics:
            continue
        metric = metrics[0]
        for row in group.runs.itertuples(index=False):
            value = measured(row.metrics, metric.id) if row.status == "ok" else None
            if value is not None:
                found[row.run_id] = metric, value
    return found


def _sampled(folder: Path, bundle: Bundle, sample: int) -> dict[str, RunOptions]:
    """Return runs on CPUs, chosen at random, by run id. The settings of tuned runs are not part of a submission."""
    names = ["run_id", "task", "signal", "method", "variant", "protocol", "seed", "engine", "track", "device_class", "status"]
    rows = read_runs(folder / RESULTS, names).table.to_pandas()
    rows = rows[repeatable(rows)]
    chosen = rows.sample(min(sample, len(rows)), random_state=secrets.randbits(32))
    return {row.run_id: _again(row, folder / bundle.plugin) for row in chosen.itertuples(index=False)}


def repeatable(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Return a mask of the rows that a check may carry out again: those on CPUs that ended ok, and are not of a tuned track."""
    return (rows["status"] == "ok") & (rows["device_class"] == "cpu") & ~rows["track"].str.startswith("tuned")


def _again(row: Any, plugin: Path) -> RunOptions:
    """Return the options that carry a run out again."""
    protocol = ProtocolLabel.parse(row.protocol)
    return RunOptions(
        methods=str(MethodLabel(row.method, row.variant or "")),
        tasks=row.task,
        protocol=protocol.name,
        changes=protocol.changes,
        signals=row.signal,
        seeds=(int(row.seed),),
        device="cpu",
        engine=row.engine,
        track=row.track,
        plugins=(plugin,),
        artifacts="none",
    )
