"""Carry out requests: plan, estimate, prepare, run, and report. Printing is left to the observer."""

import math
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from inrbench.data import cache_folder, dataset, find_file
from inrbench.data.fetch import fetch
from inrbench.errors import BadValue, InrbenchError
from inrbench.execute import (
    ExecutionRequest,
    ExecutionSettings,
    Job,
    ProgressObserver,
    RunOutcome,
    load_executor,
    refuse_unsupported_limit,
    workers_for,
)
from inrbench.planning import Order, Request, RunOptions, estimate, plan_all
from inrbench.planning.device import why_no_gpu
from inrbench.private import folder_of_this_process, private_folder
from inrbench.registry import Registry
from inrbench.runner.console import ConsoleObserver
from inrbench.runner.missing import missing_data
from inrbench.runner.observer import RunObserver
from inrbench.runner.report import RunReport
from inrbench.spec import Progress
from inrbench.store import (
    attempt_files,
    attempts_of,
    can_lease,
    check_writable,
    code_state,
    compact_in_place,
    finished_runs,
    keep_synced,
    mirror_of,
    nvidia_driver,
    physical_cores,
    probed_runs,
)
from inrbench.trackers import Sender, check_trackers

COMPACT_ABOVE = 500
"""Number of files in a results folder above which they are merged at the end of a command."""


def run(options: RunOptions, observer: RunObserver | None = None) -> RunReport:
    """Carry out the runs that options select, as ``inrbench run`` does. Errors: see ``run_requests``."""
    return run_requests(options.requests(), options, observer)


def run_requests(requests: Sequence[Request], options: RunOptions, observer: RunObserver | None = None) -> RunReport:
    """Carry out the runs of requests that are not in the results folder yet.

    Args:
        requests: Requests for one device, planned and carried out together.
        options: How the runs are carried out. The methods and tasks that it selects are not used here.
        observer: Receives plan, progress and end; None prints them.

    Raises:
        InrbenchError: Something in a request does not exist or cannot be understood, or a row cannot be stored. A failed
            run raises nothing; its row has the status.
    """
    started = time.time()
    observer = observer or ConsoleObserver()
    request, *_ = requests
    results = options.results
    execute = load_executor(options.executor)
    check_trackers(options.trackers)
    refuse_unsupported_limit(options.memory_limit)
    finished = finished_runs(results)
    plan, jobs, registry = plan_all(requests, finished, partial(probed_runs, results))
    # the number of workers stays the same for few remaining jobs: the thread count affects rounding and timing
    workers = workers_for(request.device, options.jobs, options.share_gpu)
    threads = max(1, physical_cores() // workers)
    expected = estimate(plan.todo, results, threads)
    sort_jobs(plan.todo, expected.ranges, options.order or ("planned" if options.max_time is None else "shortest"))
    report = RunReport(plan, jobs, expected, workers if options.executor == "local" else None, dry_run=options.dry_run)
    if options.device == "auto" and request.device == "cpu" and options.executor == "local" and nvidia_driver() is not None:
        observer.note(f"--device auto uses the CPU, because torch sees no GPU: {why_no_gpu()}")
    if options.executor == "local":
        for remark in missing_data(plan.todo):
            observer.note(remark)
    observer.planned(report, request, options)
    if options.dry_run or not plan.todo:
        return report
    check_writable(results)
    sender = Sender(options.trackers, results)
    _use_temporary_cache_if_needed(observer)
    _fetch_optional_data(plan.todo, registry, observer)
    _prepare(plan.todo, registry, observer)
    bucket = remote.uri if (remote := mirror_of(results)) else None
    if bucket and not can_lease(bucket):
        observer.note("without boto3 (pip install 'inrbench[s3]') machines that share this bucket may do a run twice")
    repeated = {job.spec.run_id for job in plan.todo} & finished.keys()
    settings = ExecutionSettings(
        results=results.resolve(),
        workers=workers,
        threads=threads,
        timeout=options.timeout,
        memory=options.memory_limit,
        checkpoint_seconds=options.checkpoint_every,
        deadline=None if options.max_time is None else started + options.max_time,
        artifacts=options.artifacts,
        code=code_state(),
        known=frozenset(attempts_of(results, repeated)),
        bucket=bucket,
    )
    request_to_executor = ExecutionRequest(
        jobs=plan.todo,
        seconds=expected.seconds,
        settings=settings,
        resources=options.resources,
        cancel_on_interrupt=options.cancel_on_interrupt,
    )
    with keep_synced(results), observer.running(report), _sigterm_as_interrupt():
        report.completed = execute(request_to_executor, _Recorder(report, observer, sender))
    for note in sender.close():
        observer.note(note)
    report.out_of_time = not report.completed and settings.deadline is not None and time.time() >= settings.deadline
    observer.ended(report, request, options)
    if len(attempt_files(results)) > COMPACT_ABOVE:  # thousands of files take minutes to read
        compact_in_place(results)
    return report


def sort_jobs(jobs: list[Job], ranges: list[tuple[float, float]], order: Order) -> None:
    """Sort jobs and their estimates in place. Jobs whose time is not known count as long ones.

    Args:
        jobs: The jobs.
        ranges: Shortest and longest expected seconds of each; (0, 0) if not known.
        order: ``planned`` (no change), ``shortest`` or ``longest`` first, or ``random``.
    """
    places = list(range(len(jobs)))
    if order == "random":
        random.shuffle(places)
    elif order != "planned":
        places.sort(key=lambda i: sum(ranges[i]) or math.inf, reverse=order == "longest")
    jobs[:], ranges[:] = [jobs[i] for i in places], [ranges[i] for i in places]


class _Recorder:
    """Adds each outcome to a report, sends the run to trackers, and passes everything on to the observer."""

    def __init__(self, report: RunReport, observer: ProgressObserver, sender: Sender) -> None:
        self._report, self._observer, self._sender = report, observer, sender

    def started(self, job: Job) -> None:
        self._report.remaining.started(job)
        self._observer.started(job)

    def progress(self, job: Job, progress: Progress) -> None:
        self._report.remaining.progress(job, progress)
        self._observer.progress(job, progress)

    def finished(self, job: Job, outcome: RunOutcome) -> None:
        self._report.outcomes.append((job, outcome))
        self._report.remaining.finished(job, outcome)
        if outcome.status != "interrupted":
            self._sender.send(job.spec.run_id)
        self._observer.finished(job, outcome)

    def waiting(self, jobs: Sequence[Job]) -> None:
        self._observer.waiting(jobs)


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM, SIGHUP and SIGUSR1 as Ctrl-C, so that a shutdown, a scheduler or a closed terminal ends runs cleanly."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fetch_optional_data(jobs: Sequence[Job], registry: Registry, observer: RunObserver) -> None:
    """Fetch data that only a metric needs; if that fails, note that the metric will be missing."""
    protocols = {(job.spec.task, job.spec.protocol_fingerprint): job.protocol for job in jobs}
    metrics = [metric for (task, _), protocol in protocols.items() for metric in registry.task(task).metrics_of(protocol)]
    for name in dict.fromkeys(name for metric in metrics for name, _ in metric.data.values()):
        if all(find_file(name, file) for file in dataset(name).sha256):
            continue
        try:
            fetch(name)
        except InrbenchError as error:
            observer.note(f"the metric '{name}' will be missing: {error}")


def _use_temporary_cache_if_needed(observer: RunObserver) -> None:
    """Use a cache of this command's own, and note it, if the user's cache cannot be written."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        for name in ("compiled", "shapes"):
            private_folder(cache_folder().parent / name)
        with tempfile.TemporaryFile(dir=cache_folder()):
            return
    except (BadValue, OSError) as error:
        os.environ["XDG_CACHE_HOME"] = str(folder_of_this_process("inrbench-cache-"))
        reason = str(error) if isinstance(error, BadValue) else error.strerror or str(error)
        observer.note(
            f"the cache cannot be written ({reason}): compiled code and prepared data are not stored for the next command"
        )


def _prepare(jobs: Sequence[Job], registry: Registry, observer: RunObserver) -> None:
    """Prepare once what all runs of a signal need, such as the ground truth of shapes.

    Errors are ignored here, because the runs report them.
    """
    for job in {(job.spec.task, job.spec.signal, job.spec.protocol_fingerprint): job for job in jobs}.values():
        task = registry.task(job.spec.task)
        with suppress(Exception), observer.preparing(f"preparing {job.spec.task}/{job.spec.signal}") as report:
            if job.signal_file:
                task.register_file(Path(job.signal_file))
            task.prepare(job.spec.signal, job.protocol, report)
