"""Running jobs on a SLURM cluster through submitit: bundles of runs in array tasks, and the store as the only truth.

A task of the array starts ``run_local`` on its node, which gives every run a process and a row of its own. What is finished is
seen in the results folder, which all nodes must share; SLURM is only asked which tasks are alive. A task that ends without all
of its runs (time limit, pre-emption, a node gone) is sent again for what is missing.
"""

import json
import math
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inrbench.errors import BadValue, InrbenchError
from inrbench.execute.job import ExecutionRequest, ExecutionSettings, Job, NullObserver, ProgressObserver, RunOutcome
from inrbench.execute.local import run_local
from inrbench.execute.pool import store_failure
from inrbench.private import private_folder
from inrbench.store import new_attempt_id, newly_finished, read_attempts
from inrbench.store.files import below, read_regular, write_atomically
from inrbench.store.read_guard import read_json

BUNDLE_SECONDS = 15 * 60
"""What a task of the array should take at least: starting one costs a cluster more than a short run."""
UNKNOWN_SECONDS = 60.0
"""For a run of which nothing is known."""
MAX_ARRAY = 1000
MAX_SUBMISSIONS = 3
MIN_MINUTES = 15
"""Of a task's time limit: below, clusters and submitit's own margin get in the way."""
POLL_SECONDS = 2.0
RESOURCES = {
    "partition": "partition",
    "account": "account",
    "qos": "qos",
    "constraint": "constraint",
    "nodelist": "nodelist",
    "gpus": "gpus_per_node",
    "cpus": "cpus_per_task",
    "memory": "mem",
    "time": "time",
    "setup": "setup",
    "at_once": "array_parallelism",
}
"""What a user may ask for, and submitit's name of it. ``time`` is in minutes; ``setup`` are lines of shell."""


@dataclass(frozen=True)
class Bundle:
    """What one task of an array does. Sent again after pre-emption; a run that has ended by then is not done again."""

    jobs: tuple[Job, ...]
    settings: ExecutionSettings

    def __call__(self) -> None:
        """Carry out, on the node, what is missing."""
        run_local(self.jobs, self.settings, NullObserver())

    def checkpoint(self) -> Any:
        """Tell submitit what to put into the queue when the time is over or the node is taken away: the same again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


@dataclass(frozen=True)
class Submission:
    """What was sent to the cluster, as the results folder remembers it."""

    tasks: dict[str, list[str]]
    """Task of an array -> runs."""
    known: list[str]
    """As in PoolSettings."""


def run_slurm(request: ExecutionRequest, observer: ProgressObserver) -> bool:
    """Carry out jobs on a cluster, and wait. Return False if stopped by Ctrl-C, which leaves them going on.

    Runs that an earlier command sent to the cluster and that wait or run there are awaited, not sent again.
    Raises BadValue or InrbenchError where there is no cluster, or a resource that does not exist is asked for.
    """
    _refuse_without_cluster()
    parameters = _parameters(request)
    slurm_run = _SlurmRun(request, parameters)
    try:
        queued = slurm_run.attach(observer)
        slurm_run.submit([job for run, job in slurm_run.waiting.items() if run not in queued])
        while slurm_run.waiting:
            alive = active_tasks()  # before the store is read: what a task did that is gone by now is seen there
            slurm_run.report_finished(observer)
            if alive is not None:  # else the controller does not answer; it may come back
                slurm_run.resubmit(set(alive), observer)
            if slurm_run.waiting:
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        if request.cancel_on_interrupt and slurm_run.tasks:
            subprocess.run(["scancel", *slurm_run.tasks], check=False)
        return False
    return True


class _SlurmRun:
    """The tasks that one command has in the queue or waits for."""

    def __init__(self, request: ExecutionRequest, parameters: Mapping[str, Any]) -> None:
        self.request, self.parameters, self.results = request, parameters, request.settings.results
        self.waiting = {job.spec.run_id: job for job in request.jobs}
        self.seconds = {job.spec.run_id: s or UNKNOWN_SECONDS for job, s in zip(request.jobs, request.seconds, strict=True)}
        self.tasks: dict[str, list[str]] = {}
        self._resubmissions = dict.fromkeys(self.waiting, 0)
        self._gone_before: set[str] = set()

    def attach(self, observer: ProgressObserver) -> set[str]:
        """Wait for runs that an earlier command sent and that are in the queue still; return them.

        What has ended there since the plan was made is told, and waited for no longer.
        """
        alive = active_tasks() or {}
        self.report_finished(observer)
        for earlier in submissions(self.results):
            for task, runs in earlier.tasks.items():
                if task in alive and not self.waiting.keys().isdisjoint(runs):
                    self.tasks[task] = runs
        return {run for runs in self.tasks.values() for run in runs}

    def submit(self, jobs: Sequence[Job]) -> None:
        """Put jobs into the queue, in bundles, and note it in the results folder."""
        import submitit

        made = bundles(jobs, self.seconds)
        folder = private_folder(below(self.results, "submissions"))  # submitit keeps pickles there
        settings = node_settings(self.request, self.parameters["cpus_per_task"])
        for start in range(0, len(made), MAX_ARRAY):
            part = made[start : start + MAX_ARRAY]
            executor = submitit.SlurmExecutor(folder=folder / "log")
            minutes = max(MIN_MINUTES, math.ceil(2 * max(total for _, total in part) / 60))
            executor.update_parameters(**{"time": minutes, **self.parameters})
            with executor.batch():
                handles = [executor.submit(Bundle(tuple(held), settings)) for held, _ in part]
            sent = {handle.job_id: [job.spec.run_id for job in held] for handle, (held, _) in zip(handles, part, strict=True)}
            noted = json.dumps({"tasks": sent, "known": sorted(settings.known)})
            write_atomically(noted.encode(), folder / f"{new_attempt_id()}.json")
            self.tasks.update(sent)

    def report_finished(self, observer: ProgressObserver) -> None:
        """Tell the listener which runs have a row by now, and wait for them no longer."""
        statuses = newly_finished(self.results, self.request.settings.known)
        ended = {run for run, status in statuses.items() if run in self.waiting and status != "interrupted"}
        for row in read_attempts(self.results, ended) if ended else ():
            observer.finished(self.waiting.pop(row["run_id"]), RunOutcome.from_row(row))

    def resubmit(self, alive: set[str], observer: ProgressObserver) -> None:
        """Send what tasks left behind that ended; what was sent TRIES times ends as an error.

        A task must be gone twice in a row: files of another machine may show a little late.
        """
        gone = self.tasks.keys() - alive
        lost = [run for task in gone & self._gone_before for run in self.tasks.pop(task) if run in self.waiting]
        self._gone_before = gone & self.tasks.keys()
        again = [run for run in lost if self._resubmissions[run] < MAX_SUBMISSIONS - 1]
        for run in (run for run in lost if run not in again):
            text = (
                f"its task on the cluster ended {MAX_SUBMISSIONS} times without it; see {self.results / 'submissions' / 'log'}"
            )
            job = self.waiting.pop(run)
            observer.finished(job, store_failure(job, self.request.settings, "error", "TaskDied", text, 0.0))
        self._resubmissions.update({run: self._resubmissions[run] + 1 for run in again})
        if again:
            self.submit([self.waiting[run] for run in again])


def submissions(results: Path) -> list[Submission]:
    """Return what was sent to a cluster from a results folder, oldest first."""
    found = []
    for path in sorted(below(results, "submissions").glob("*.json")):
        try:
            held = read_json(read_regular(path))
            tasks = {str(task): [str(run) for run in runs] for task, runs in held["tasks"].items()}
            found.append(Submission(tasks, [str(attempt) for attempt in held["known"]]))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return found


def active_tasks() -> dict[str, str] | None:
    """Return the user's tasks that wait or run, ``17_3`` -> ``running on n1``; None where SLURM does not answer."""
    command = ["squeue", "--me", "-h", "-r", "-o", "%i|%T|%N"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    rows = [line.split("|") for line in done.stdout.splitlines() if line.count("|") == 2]
    return {task: state.lower() + (f" on {node}" if node else "") for task, state, node in rows}


def bundles(jobs: Sequence[Job], seconds: Mapping[str, float]) -> list[tuple[list[Job], float]]:
    """Return jobs in bundles of BUNDLE_SECONDS at least, longest first, each with its estimate."""
    made: list[tuple[list[Job], float]] = []
    for job in sorted(jobs, key=lambda job: -seconds[job.spec.run_id]):
        if not made or made[-1][1] >= BUNDLE_SECONDS:
            made.append(([], 0.0))
        held, total = made[-1]
        made[-1] = ([*held, job], total + seconds[job.spec.run_id])
    return made


def node_settings(request: ExecutionRequest, cpus: int) -> ExecutionSettings:
    """Return how a task goes about its bundle: a run after the other, unless they may share the GPU."""
    workers = request.settings.workers if _on_gpu(request) else 1
    return replace(request.settings, workers=workers, threads=max(1, cpus // workers))


def _parameters(request: ExecutionRequest) -> dict[str, Any]:
    """Return submitit's parameters. Raises BadValue."""
    unknown_name = sorted(set(request.resources) - set(RESOURCES))
    if unknown_name:
        raise BadValue(f"--resource {unknown_name[0]}: SLURM runs know {', '.join(RESOURCES)}")
    asked = {RESOURCES[name]: value for name, value in request.resources.items()}
    for name in ("cpus_per_task", "gpus_per_node", "time", "array_parallelism"):
        if name in asked and not str(asked[name]).isdigit():
            raise BadValue(f"--resource {name}={asked[name]}: expected a whole number")
        if name in asked:
            asked[name] = int(asked[name])
    if "setup" in asked:
        asked["setup"] = [asked["setup"]] if isinstance(asked["setup"], str) else list(asked["setup"])
    return {"job_name": "inrbench", "cpus_per_task": 1, **({"gpus_per_node": 1} if _on_gpu(request) else {}), **asked}


def _on_gpu(request: ExecutionRequest) -> bool:
    return any(job.device.startswith("cuda") for job in request.jobs)


def _refuse_without_cluster() -> None:
    try:
        import submitit  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise InrbenchError("--executor slurm needs submitit: pip install 'inrbench[slurm]'") from error
    if shutil.which("sbatch") is None or shutil.which("squeue") is None:
        raise InrbenchError("--executor slurm: there is no sbatch here; run it where you submit jobs, or use --executor local")
    if "SLURM_STEP_ID" in os.environ:
        raise InrbenchError("--executor slurm inside srun would ask for nodes within a node; run it from the login node")
