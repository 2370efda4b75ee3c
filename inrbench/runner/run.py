"""Carrying out a request, whichever verb it came from: plan, estimate, runs, and how they ended, told as it goes."""

import atexit
import os
import random
import shutil
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from inrbench.console import say
from inrbench.errors import OK, RUN_FAILED, BadValue, InrbenchError, NothingSelected
from inrbench.private import private_folder

if TYPE_CHECKING:
    from inrbench.execute import Artifacts, Job
    from inrbench.planning import Estimate, Plan, Request
    from inrbench.registry import Registry
    from inrbench.runner.progress import Tally

LONG_SECONDS = 4 * 3600
"""From here on the plan says that there is a shorter way."""
EXIT_INTERRUPTED = 130
COMPACT_ABOVE = 500
"""Files in a results folder; from here on they are merged when a command ends."""


def run_requests(
    requests: "Sequence[Request]",
    results: Path,
    *,
    jobs: int | None = None,
    timeout: float | None = None,
    artifacts: "Artifacts" = "last",
    dry_run: bool = False,
    executor: str = "local",
    resources: Mapping[str, Any] = MappingProxyType({}),
    cancel_on_interrupt: bool = False,
    shuffle: bool = False,
    share_gpu: int | None = None,
    memory: float | None = None,
) -> int:
    """Do what a results folder lacks of requests for one device, all together, and return the exit code."""
    from inrbench.execute import ExecutionRequest, ExecutionSettings, load_executor, refuse_unknown_limit, workers_for
    from inrbench.planning import estimate
    from inrbench.runner.progress import Tally, progress_display
    from inrbench.store import (
        attempt_files,
        can_lease,
        check_writable,
        code_state,
        compact_in_place,
        keep_synced,
        mirror_of,
        physical_cores,
    )

    request, *_ = requests
    carry_out = load_executor(executor)
    refuse_unknown_limit(memory)
    plan, registry, known = _plan(requests, results)
    if shuffle:
        random.shuffle(plan.todo)
    # Not fewer for a short rest: with other threads the same seed gives other roundings, and other times.
    workers = workers_for(request.device, jobs, share_gpu)
    threads = max(1, physical_cores() // workers)
    expected = estimate(plan.todo, results, threads)
    print_plan(plan, expected, workers if executor == "local" else None, request, results)
    if dry_run:
        return OK
    earlier = {status for _, status in plan.failed}
    if not plan.todo:
        return RUN_FAILED if earlier else OK
    check_writable(results)
    _without_cache()
    _fetch_optional(plan.todo, registry)
    _prepare(plan.todo, registry)
    bucket = remote.uri if (remote := mirror_of(results)) else None
    if bucket and not can_lease(bucket):
        say("note: without boto3 (pip install 'inrbench[s3]') machines that share this bucket may do a run twice")
    settings = ExecutionSettings(
        results=results.resolve(),
        workers=workers,
        threads=threads,
        timeout=timeout,
        memory=memory,
        artifacts=artifacts,
        code=code_state(),
        known=known,
        bucket=bucket,
    )
    tally = Tally(len(plan.todo))
    with keep_synced(results), progress_display(tally) as observer, _sigterm_as_interrupt():
        completed = carry_out(
            ExecutionRequest(
                jobs=plan.todo,
                seconds=expected.seconds,
                settings=settings,
                resources=resources,
                cancel_on_interrupt=cancel_on_interrupt,
            ),
            observer,
        )
    _print_end(
        tally,
        completed,
        results,
        elsewhere=executor != "local" and not cancel_on_interrupt,
        searching=request.track == "search",
    )
    if len(attempt_files(results)) > COMPACT_ABOVE:  # thousands of files take minutes to read
        compact_in_place(results)
    if not completed:
        return EXIT_INTERRUPTED
    return RUN_FAILED if tally.bad or earlier else OK


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Take SIGTERM and SIGHUP for Ctrl-C: what a shutdown, a scheduler or a closed terminal sends ends runs as cleanly."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # no other may listen to signals
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _plan(requests: "Sequence[Request]", results: Path) -> "tuple[Plan, Registry, frozenset[str]]":
    """Return the plan of all requests, each run once, the last one's registry, and which attempts the plan knows."""
    from inrbench.planning import Plan, make_plan
    from inrbench.store import attempts_of, finished_runs, probed_runs

    whole, planned = Plan(), set[str]()
    finished = finished_runs(results)
    registry, empty = None, None
    for request in requests:
        known = finished
        if request.probes:  # a run that ended well without them is done again
            probed = probed_runs(results, request.probes)
            known = {run_id: status for run_id, status in finished.items() if status != "ok" or run_id in probed}
        try:
            plan, registry = make_plan(request, known)
        except NothingSelected as error:  # which the other requests may make up for
            empty = error
            continue
        whole.todo += [job for job in plan.todo if job.spec.run_id not in planned]
        whole.done += [job for job in plan.done if job.spec.run_id not in planned]
        whole.failed += [(job, status) for job, status in plan.failed if job.spec.run_id not in planned]
        whole.notes += [note for note in plan.notes if note not in whole.notes]
        planned |= {job.spec.run_id for job in (*plan.todo, *plan.done, *(job for job, _ in plan.failed))}
    if registry is None:
        raise empty or NothingSelected("nothing is selected: there is no request")
    again = {job.spec.run_id for job in whole.todo} & finished.keys()
    return whole, registry, frozenset(attempts_of(results, again))


def print_plan(plan: "Plan", expected: "Estimate", workers: int | None, request: "Request", results: Path) -> None:
    """Print what will be done, how much is done already, and how long it will take.

    ``workers``: processes here; None where others carry it out, and only the work can be told.
    """
    from inrbench.report.formatting import duration
    from inrbench.store import display_name

    for note in plan.notes:
        say(f"note: {note}")
    groups: dict[tuple[str, str], list[tuple[Job, float]]] = {}
    for job, seconds in zip(plan.todo, expected.seconds, strict=True):
        where = f"{job.spec.task}, protocol {job.spec.protocol} ({job.spec.protocol_fingerprint})"
        groups.setdefault((where, job.spec.label), []).append((job, seconds))
    where = ""
    for (heading, label), group in groups.items():
        if heading != where:
            say(heading, bold=True)
            where = heading
        mean = sum(seconds for _, seconds in group) / len(group)
        once = f"about {duration(mean)} each" if mean else "time not known"
        say(f"  {label:24} {len(group):4} run(s), {once}")
    states = [f"{len(plan.done)} in {display_name(results)} already", f"{len(plan.todo)} to do"]
    if plan.failed:
        counts = Counter(status for _, status in plan.failed)
        failed = ", ".join(f"{n} {status}" for status, n in counts.items())
        states.insert(1, f"{len(plan.failed)} failed earlier ({failed}; again with --retry-failed)")
    say(f"{plan.total} runs: {', '.join(states)}.")
    if not plan.todo:
        return
    for reason in expected.unreadable:
        say(f"note: {reason}")
    total = expected.wall_seconds(workers or 1)
    where = (
        f"on {request.device} with {workers} worker(s)" if workers else f"of work on {request.device}, one run after another"
    )
    if expected.unknown == len(plan.todo):
        say(f"How long this takes {where} is not known: a plugin of yours is timed by its first run.")
    else:
        source = "earlier runs" if expected.measured == len(plan.todo) else "a short calibration here"
        say(f"About {duration(total)} {where}, by {source}.")
        if expected.unknown:
            say(f"note: {expected.unknown} run(s) of plugins that never ran here are not in this figure.")
    if total > LONG_SECONDS and not request.suite and request.protocol != "quick":
        advice = "--protocol quick takes seconds a run"
        gpu = "" if request.device.startswith("cuda") else "; a GPU is far faster than a CPU"
        say(f"That is long. {advice}, though it reproduces no paper{gpu}.")


def _fetch_optional(jobs: Sequence["Job"], registry: "Registry") -> None:
    """Try to get data without which only a metric is missing; say so if it cannot be had."""
    from inrbench.data import dataset, locate
    from inrbench.data.fetch import fetch

    protocols = {(job.spec.task, job.spec.protocol_fingerprint): job.protocol for job in jobs}
    metrics = [metric for (task, _), protocol in protocols.items() for metric in registry.task(task).metrics_of(protocol)]
    for name in dict.fromkeys(dataset_name for metric in metrics for dataset_name, _ in metric.data.values()):
        if all(locate(name, file).path for file in dataset(name).sha256):
            continue
        try:
            fetch(name)
        except InrbenchError as error:
            say(f"note: the metric '{name}' will be missing: {error}")


def _without_cache() -> None:
    """Go on with a cache of this command's own, and say so, where the user's cannot be written."""
    from inrbench.data import cache_folder

    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        for what in ("compiled", "shapes"):
            private_folder(cache_folder().parent / what)
        with tempfile.TemporaryFile(dir=cache_folder()):
            return
    except (BadValue, OSError) as error:
        folder = tempfile.mkdtemp(prefix="inrbench-cache-")
        os.environ["XDG_CACHE_HOME"] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        reason = str(error) if isinstance(error, BadValue) else error.strerror or str(error)
        say(f"note: the cache cannot be written ({reason}): what is compiled and prepared is not kept for the next command")


def _prepare(jobs: Sequence["Job"], registry: "Registry") -> None:
    """Do what runs would wait for and keep on disk, such as the ground truth of shapes. What fails here is told by the runs."""
    from inrbench.runner.progress import preparing

    for job in {(job.spec.task, job.spec.signal, job.spec.protocol_fingerprint): job for job in jobs}.values():
        task = registry.task(job.spec.task)
        with suppress(Exception), preparing(f"preparing {job.spec.task}/{job.spec.signal}") as tell:
            if job.signal_file:
                task.register_file(Path(job.signal_file))
            task.prepare(job.spec.signal, job.protocol, tell)


def _print_end(tally: "Tally", completed: bool, results: Path, elsewhere: bool, searching: bool) -> None:
    from inrbench.store import display_name

    ended = ", ".join(f"{n} {status}" for status, n in sorted(tally.counts.items())) or "none ended"
    say(f"{sum(tally.counts.values())} of {tally.total} runs: {ended}.")
    for message, n in tally.failures.most_common():
        say(f"  {n} x {message}")
    for message, n in tally.notes.most_common():
        say(f"  note: {n} x {message}")
    if tally.artifact_bytes:
        say(f"  artifacts: {tally.artifact_bytes / 2**20:,.1f} MiB in {display_name(results)}/artifacts, equal files kept once")
    option = "" if results == Path("results") else f" --results {display_name(results)}"
    if not completed and elsewhere:
        say(f"Left. What was sent goes on; see: inrbench status{option}. The same command waits for it again.")
    elif not completed:
        say("Stopped. What is finished is kept; the same command goes on from there.")
    elif tally.counts["ok"]:
        track = " --track search" if searching else ""
        say(f"See: inrbench leaderboard{track}{option}")
