"""Carry out runs on a SLURM cluster through submitit: array tasks that each carry out a bundle of runs.

A task of the array starts ``run_local`` on its node, which gives every run its own process and row. Only the results folder,
which all nodes must share, decides which runs are finished. SLURM is only asked which tasks are alive. If a task ends without
all of its runs (time limit, pre-emption, lost node), the missing runs are submitted again.
"""

import json
import math
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inrbench.errors import BadValue, InrbenchError
from inrbench.execute.elsewhere import MAX_SUBMISSIONS, RunsElsewhere, refuse_unknown_resources
from inrbench.execute.job import ExecutionRequest, ExecutionSettings, Job, NullObserver, ProgressObserver
from inrbench.execute.local import run_local, stop_local_runs
from inrbench.private import private_folder
from inrbench.store import new_attempt_id
from inrbench.store.files import below, read_regular, write_atomically
from inrbench.store.read_guard import read_json

BUNDLE_SECONDS = 15 * 60
"""Smallest total estimate of a bundle, in seconds: starting a task costs a cluster more than a short run."""
UNKNOWN_SECONDS = 60.0
"""Seconds assumed for a run without an estimate."""
MAX_ARRAY = 1000
MAX_REQUEUES = 10_000
"""Number of times that a task which reaches its time limit is queued again: a long run continues over many tasks."""
SIGNAL_SECONDS = 90
"""Seconds before the time limit at which SLURM asks a task to stop."""
CHECKPOINT_PATIENCE = 75.0
"""Seconds that the runs of a task get to write their checkpoints after this signal."""
MIN_MINUTES = 15
"""Smallest time limit of a task in minutes. Shorter ones conflict with cluster policies and with submitit's own margin."""
POLL_SECONDS = 2.0
GPU_CPUS = 4
"""CPU cores of a task with a GPU: for torch's compiler, autograd's thread, and metrics."""
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
"""Names of ``--resource`` -> submitit's names. ``time`` is in minutes; ``setup`` is one or more lines of shell code."""


@dataclass(frozen=True)
class Bundle:
    """The work of one array task. After pre-emption or at its time limit it is queued again.

    Runs that have ended by then are not repeated, and the others continue from their checkpoints.
    """

    jobs: tuple[Job, ...]
    settings: ExecutionSettings

    def __call__(self) -> None:
        """Carry out the missing runs, on the node."""
        run_local(self.jobs, self.settings, NullObserver())

    def checkpoint(self) -> Any:
        """Write the checkpoints of the current runs, and return what submitit queues: the same bundle again.

        It is called when SLURM sends a signal: before the time limit, or when the node is taken away.
        """
        from submitit.helpers import DelayedSubmission

        stop_local_runs(CHECKPOINT_PATIENCE)
        return DelayedSubmission(self)


@dataclass(frozen=True)
class Submission:
    """Tasks that were submitted to the cluster, as recorded in the results folder.

    Args:
        tasks: Id of an array task -> ids of its runs.
        known: Ids of attempts, as in ``ExecutionSettings``.
    """

    tasks: dict[str, list[str]]
    known: list[str]


def run_slurm(request: ExecutionRequest, observer: ProgressObserver) -> bool:
    """Carry out jobs on a cluster and wait for them. Return False if Ctrl-C stopped the wait.

    After Ctrl-C, submitted tasks continue unless the request cancels them. Runs that an earlier command submitted, and whose
    tasks are still queued or running, are not submitted again; this command waits for them.

    Args:
        request: What to carry out.
        observer: Receives the outcomes.

    Raises:
        BadValue: A resource does not exist, or its value is malformed.
        InrbenchError: There is no cluster here.
    """
    _refuse_without_cluster()
    parameters = _parameters(request)
    runs = RunsElsewhere(request, observer)
    slurm_run = _SlurmRun(request, parameters, runs)
    try:
        queued = slurm_run.attach()
        slurm_run.submit([job for run, job in runs.waiting.items() if run not in queued])
        while runs.waiting and not runs.time_is_up:
            alive = active_tasks()  # before the store is read, so that the rows of tasks that have just ended are seen
            runs.report()
            if alive is not None:  # None: SLURM does not answer, and may do so later
                slurm_run.resubmit(set(alive))
            if runs.waiting:
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        if request.cancel_on_interrupt and slurm_run.tasks:
            subprocess.run(["scancel", *slurm_run.tasks], check=False)
        return False
    return not runs.waiting


class _SlurmRun:
    """The tasks that one command has submitted or waits for."""

    def __init__(self, request: ExecutionRequest, parameters: Mapping[str, Any], runs: RunsElsewhere) -> None:
        self.request, self.parameters, self.results = request, parameters, request.settings.results
        self.runs = runs
        self.seconds = {job.spec.run_id: s or UNKNOWN_SECONDS for job, s in zip(request.jobs, request.seconds, strict=True)}
        self.tasks: dict[str, list[str]] = {}
        self._resubmissions = dict.fromkeys(runs.waiting, 0)
        self._gone_before: set[str] = set()

    def attach(self) -> set[str]:
        """Attach to the queued tasks of earlier commands that have runs of this one, and return the runs of these tasks.

        Runs that have ended since the plan was made are reported and no longer waited for.
        """
        alive = active_tasks() or {}
        self.runs.report()
        for earlier in submissions(self.results):
            for task, runs in earlier.tasks.items():
                if task in alive and not self.runs.waiting.keys().isdisjoint(runs):
                    self.tasks[task] = runs
        return {run for runs in self.tasks.values() for run in runs}

    def submit(self, jobs: Sequence[Job]) -> None:
        """Submit jobs in bundles, and record the tasks in the results folder."""
        import submitit

        made = bundles(jobs, self.seconds)
        folder = private_folder(below(self.results, "submissions"))  # submitit stores pickles there
        settings = node_settings(self.request, self.parameters["cpus_per_task"])
        for start in range(0, len(made), MAX_ARRAY):
            part = made[start : start + MAX_ARRAY]
            executor = submitit.SlurmExecutor(folder=folder / "log", max_num_timeout=MAX_REQUEUES)
            minutes = max(MIN_MINUTES, math.ceil(2 * max(total for _, total in part) / 60))
            executor.update_parameters(**{"time": minutes, "signal_delay_s": SIGNAL_SECONDS, **self.parameters})
            with executor.batch():
                handles = [executor.submit(Bundle(tuple(bundle), settings)) for bundle, _ in part]
            sent = {
                handle.job_id: [job.spec.run_id for job in bundle] for handle, (bundle, _) in zip(handles, part, strict=True)
            }
            noted = json.dumps({"tasks": sent, "known": sorted(settings.known)})
            write_atomically(noted.encode(), folder / f"{new_attempt_id()}.json")
            self.tasks.update(sent)

    def resubmit(self, alive: set[str]) -> None:
        """Submit the missing runs of ended tasks again. A run that was submitted ``MAX_SUBMISSIONS`` times ends as an error.

        A task must be missing from the queue twice in a row, because files from a different machine may appear with a delay.
        """
        gone = self.tasks.keys() - alive
        lost = [run for task in gone & self._gone_before for run in self.tasks.pop(task) if run in self.runs.waiting]
        self._gone_before = gone & self.tasks.keys()
        again = [run for run in lost if self._resubmissions[run] < MAX_SUBMISSIONS - 1]
        for run in (run for run in lost if run not in again):
            log = self.results / "submissions" / "log"
            self.runs.give_up(run, self.request.settings, "SLURM task", f"; see {log}")
        self._resubmissions.update({run: self._resubmissions[run] + 1 for run in again})
        if again:
            self.submit([self.runs.waiting[run] for run in again])


def submissions(results: Path) -> list[Submission]:
    """Return the recorded submissions of a results folder, oldest first."""
    found = []
    for path in sorted(below(results, "submissions").glob("*.json")):
        try:
            content = read_json(read_regular(path))
            tasks = {str(task): [str(run) for run in runs] for task, runs in content["tasks"].items()}
            found.append(Submission(tasks, [str(attempt) for attempt in content["known"]]))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return found


def active_tasks() -> dict[str, str] | None:
    """Return the user's queued and running tasks, ``17_3`` -> ``running on n1``; None if SLURM does not answer."""
    command = ["squeue", "--me", "-h", "-r", "-o", "%i|%T|%N"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    rows = [line.split("|") for line in done.stdout.splitlines() if line.count("|") == 2]
    return {task: state.lower() + (f" on {node}" if node else "") for task, state, node in rows}


def bundles(jobs: Sequence[Job], seconds: Mapping[str, float]) -> list[tuple[list[Job], float]]:
    """Return jobs in bundles, the longest jobs first, each bundle with its estimate.

    Every bundle except the last is estimated to take ``BUNDLE_SECONDS`` or more.
    """
    made: list[tuple[list[Job], float]] = []
    for job in sorted(jobs, key=lambda job: -seconds[job.spec.run_id]):
        if not made or made[-1][1] >= BUNDLE_SECONDS:
            made.append(([], 0.0))
        bundle, total = made[-1]
        made[-1] = ([*bundle, job], total + seconds[job.spec.run_id])
    return made


def node_settings(request: ExecutionRequest, cpus: int) -> ExecutionSettings:
    """Return the settings of a task on its node: one run after another, unless runs may share the GPU."""
    workers = request.settings.workers if _on_gpu(request) else 1
    return replace(request.settings, workers=workers, threads=max(1, cpus // workers))


def _parameters(request: ExecutionRequest) -> dict[str, Any]:
    """Return the parameters for submitit. Raises BadValue for an unknown resource, or a value that is not a whole number."""
    refuse_unknown_resources(request.resources, RESOURCES)
    asked = {RESOURCES[name]: value for name, value in request.resources.items()}
    for name in ("cpus_per_task", "time", "array_parallelism"):
        if name in asked and not str(asked[name]).isdigit():
            raise BadValue(f"--resource {name}={asked[name]}: expected a whole number")
        if name in asked:
            asked[name] = int(asked[name])
    if "gpus_per_node" in asked and not re.fullmatch(r"([A-Za-z][\w.-]*:)?1", str(asked["gpus_per_node"])):
        raise BadValue(
            f"--resource gpus={asked['gpus_per_node']}: a run uses one GPU; write gpus=1, or with its type gpus=a100:1"
        )
    if any(job.device not in ("cpu", "cuda:0") for job in request.jobs):
        raise BadValue("--device cuda:1 or higher with --executor slurm: a task sees only its own GPU; use --device cuda")
    if "setup" in asked:
        asked["setup"] = [asked["setup"]] if isinstance(asked["setup"], str) else list(asked["setup"])
    usual = {"gpus_per_node": 1, "cpus_per_task": GPU_CPUS} if _on_gpu(request) else {"cpus_per_task": 1}
    return {"job_name": "inrbench", **usual, **asked}


def _on_gpu(request: ExecutionRequest) -> bool:
    return any(job.device.startswith("cuda") for job in request.jobs)


def _refuse_without_cluster() -> None:
    try:
        import submitit  # noqa: F401 - only checks that it is installed
    except ImportError as error:
        raise InrbenchError("--executor slurm needs submitit: pip install 'inrbench[slurm]'") from error
    if shutil.which("sbatch") is None or shutil.which("squeue") is None:
        raise InrbenchError("--executor slurm: there is no sbatch here; run it where you submit jobs, or use --executor local")
    if "SLURM_STEP_ID" in os.environ:
        raise InrbenchError("--executor slurm inside srun would request nodes from within a node; run it from the login node")
