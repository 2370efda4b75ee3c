"""Runs on a real Dask cluster: a scheduler and two workers, each a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from inrbench.errors import BadValue, InrbenchError
from inrbench.execute import ExecutionRequest, NullObserver, load_executor
from inrbench.execute.dask import run_dask
from inrbench.execute.node import carry_out
from inrbench.execute.worker import execute
from inrbench.store import checkpoints, read_runs

PATIENCE = 120.0
LONG = {"epochs": "4000", "width": "64"}


def wait_for(condition: Callable[[], object], what: str) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit, what
        time.sleep(0.1)


class Cluster:
    """A scheduler, and workers that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.file, self.folder = folder / "scheduler.json", folder
        self.scheduler = self._start(
            "scheduler", "--scheduler-file", str(self.file), "--port", "0", "--dashboard-address", ":0"
        )
        wait_for(self.file.is_file, "the scheduler did not start")
        self.workers: list[subprocess.Popen] = []

    def _start(self, *words: str) -> subprocess.Popen:
        environment = {**os.environ, "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=self.folder)

    def add_worker(self, threads: int = 1) -> None:
        self.workers.append(
            self._start(
                "worker", "--scheduler-file", str(self.file), "--nthreads", str(threads), "--no-nanny", "--no-dashboard"
            )
        )

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.stop()


def request_for(jobs, settings, cluster, **fields) -> ExecutionRequest:
    resources = {"scheduler_file": str(cluster.file), **fields.pop("resources", {})}
    return ExecutionRequest(jobs=jobs, seconds=[0.0] * len(jobs), settings=settings, resources=resources, **fields)


class Recorder(NullObserver):
    def __init__(self) -> None:
        self.outcomes, self.steps = [], []

    def progress(self, job, progress):
        self.steps.append(progress.step)

    def finished(self, job, outcome):
        self.outcomes.append((job.spec.seed, outcome.status))


def curve_of(results: Path, run: str) -> list:
    (row,) = (row for row in read_runs(results).table.to_pylist() if row["run_id"] == run)
    return [(point["step"], point["loss"], point["value"]) for point in row["curve"]]


def runner_of(worker: subprocess.Popen) -> list[psutil.Process]:
    """Return the processes in which a worker carries out runs."""
    found = []
    for each in psutil.Process(worker.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # also a zombie
            found += [each] if "inrbench.execute.node" in each.cmdline() else []
    return found


@pytest.mark.slow
def test_runs_of_a_killed_worker_continue_on_another_one_with_the_same_bits(cluster, tiny_jobs, settings, tmp_path):
    cluster.add_worker()
    cluster.add_worker()
    jobs = tiny_jobs(changes=LONG, seeds=range(2))
    settings = replace(settings, results=tmp_path / "dask", checkpoint_seconds=0.2)
    killed = []

    class Killer(Recorder):
        def progress(self, job, progress):
            super().progress(job, progress)
            busy = [worker for worker in cluster.workers if runner_of(worker)]
            if not killed and len(checkpoints(settings.results)) == len(jobs) and busy:  # whichever run it is has one
                killed.append(busy[0])
                busy[0].kill()

    observer = Killer()
    slow = replace(settings, checkpoint_seconds=0.2)
    assert run_dask(request_for(jobs, slow, cluster), observer)
    assert killed, "no worker was killed"
    assert sorted(observer.outcomes) == [(0, "ok"), (1, "ok")]
    rows = read_runs(settings.results).table.to_pylist()
    assert sum(row["resumptions"] for row in rows) == 1
    assert not checkpoints(settings.results)
    alone = replace(settings, results=tmp_path / "alone")
    resumed = {row["run_id"] for row in rows if row["resumptions"]}
    for job in (job for job in jobs if job.spec.run_id in resumed):
        execute(job, alone)
        assert curve_of(settings.results, job.spec.run_id) == curve_of(alone.results, job.spec.run_id)


@pytest.mark.slow
@pytest.mark.parametrize("cancel", [True, False])
def test_ctrl_c_leaves_the_runs_or_stops_them_at_a_checkpoint(cluster, tiny_jobs, settings, cancel):
    cluster.add_worker()
    (job,) = tiny_jobs(changes=LONG)

    class Interrupter(Recorder):
        def progress(self, job, progress):
            if progress.step:
                raise KeyboardInterrupt

    assert run_dask(request_for([job], settings, cluster, cancel_on_interrupt=cancel), Interrupter()) is False
    if cancel:
        wait_for(lambda: checkpoints(settings.results), "no checkpoint was written")
        wait_for(lambda: not runner_of(cluster.workers[0]), "the run was not stopped")
    observer = Recorder()
    assert run_dask(request_for([job], settings, cluster), observer)
    assert observer.outcomes == [(0, "ok")]
    (row,) = read_runs(settings.results).table.to_pylist()
    assert row["resumptions"] == int(cancel)


@pytest.mark.slow
def test_a_run_that_kills_its_process_ends_as_an_error(cluster, tiny_jobs, settings, tmp_path):
    cluster.add_worker()
    plugin = tmp_path / "deadly.py"
    plugin.write_text('''"""Kills the processes of the node. Written for a test."""
import multiprocessing, os, signal
from inrbench import NetworkSpec, register_method


@register_method("deadly")
def deadly(net: NetworkSpec):
    os.kill(multiprocessing.parent_process().pid, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
''')
    (job,) = tiny_jobs(methods=str(plugin))
    observer = Recorder()
    assert run_dask(request_for([job], settings, cluster), observer)
    assert observer.outcomes == [(0, "error")]
    (row,) = read_runs(settings.results).table.to_pylist()
    assert "its Dask task ended 3 times without finishing it" in row["message"]


@pytest.mark.slow
def test_a_command_whose_time_is_up_leaves_checkpoints_and_no_errors(cluster, tiny_jobs, settings):
    cluster.add_worker()
    (job,) = tiny_jobs(changes={**LONG, "epochs": "15000"})
    observer = Recorder()
    limited = replace(settings, deadline=time.time() + 16)
    assert run_dask(request_for([job], limited, cluster), observer) is False
    assert observer.outcomes == []
    wait_for(lambda: not runner_of(cluster.workers[0]), "the run did not stop")
    assert checkpoints(settings.results)
    assert run_dask(request_for([job], settings, cluster), observer)
    assert observer.outcomes == [(0, "ok")]


def test_the_process_of_a_node_ends_without_an_error(tiny_jobs, settings):
    assert carry_out([], settings) is None
    assert carry_out(tiny_jobs(), settings) is None


@pytest.mark.slow
def test_workers_with_several_threads_are_refused(cluster, tiny_jobs, settings):
    cluster.add_worker(threads=3)
    wait_for(lambda: "Registered to" in (cluster.folder / "log.txt").read_text(), "no worker")
    with pytest.raises(
        BadValue, match="has 3 threads and would carry out as many runs at once; start workers with --nthreads 1"
    ):
        run_dask(request_for(tiny_jobs(), settings, cluster), NullObserver())


@pytest.mark.parametrize(("resources", "message"), [
    ({}, "needs the address of a scheduler, --resource scheduler=tcp://HOST:8786"),
    ({"scheduler": "tcp://127.0.0.1:1", "scheduler_file": "x"}, "needs the address of a scheduler"),
    ({"scheduler": "tcp://127.0.0.1:1", "gpus": "1"}, "--resource gpus: the resources are scheduler, scheduler_file, cpus"),
    ({"scheduler": "tcp://127.0.0.1:1", "cpus": "0"}, "--resource cpus=0: expected a whole number of at least 1"),
    ({"scheduler": "tcp://127.0.0.1:1", "cpus": "two"}, "--resource cpus=two: expected a whole number"),
])  # fmt: skip
def test_wrong_resources_are_refused(tiny_jobs, settings, resources, message):
    jobs = tiny_jobs()
    request = ExecutionRequest(jobs=jobs, seconds=[0.0], settings=settings, resources=resources)
    with pytest.raises(BadValue, match=message):
        load_executor("dask")(request, NullObserver())


def test_a_scheduler_that_does_not_answer_is_named(tiny_jobs, settings, monkeypatch):
    monkeypatch.setattr("inrbench.execute.dask.CONNECT_SECONDS", 1)
    jobs = tiny_jobs()
    request = ExecutionRequest(jobs=jobs, seconds=[0.0], settings=settings, resources={"scheduler": "tcp://127.0.0.1:1"})
    with pytest.raises(InrbenchError, match="no scheduler answers at tcp://127.0.0.1:1"):
        run_dask(request, NullObserver())


def test_the_process_of_a_node_ends_with_its_parent(tiny_jobs, settings, tmp_path):
    (job,) = tiny_jobs(changes={"epochs": "200000", "width": "16"})
    script = tmp_path / "parent.py"
    script.write_text(
        "import pickle, sys\nfrom inrbench.execute.node import carry_out\n"
        "job, settings = pickle.load(open(sys.argv[1], 'rb'))\ncarry_out([job], settings)\n"
    )
    import pickle

    (tmp_path / "work.pickle").write_bytes(pickle.dumps((job, settings)))
    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path / "work.pickle")])
    wait_for(lambda: len(psutil.Process(parent.pid).children(recursive=True)) >= 2, "the run did not start")
    processes = psutil.Process(parent.pid).children(recursive=True)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not alive
