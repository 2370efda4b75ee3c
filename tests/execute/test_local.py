"""Runs in worker processes, some of which die."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from inrbench.errors import BadValue
from inrbench.execute import run_local, workers_for
from inrbench.execute.worker import execute
from inrbench.store import active_leases, attempt_files, finished_runs, lease, read_runs

PLUGIN = '''
"""unruly: does what its parameter says."""
import os, random, signal, time, torch
from torch import nn
from inrbench import CoordinateMLP, register_method

class Greedy(nn.Module):
    """Takes 2 GiB at the first look at the data."""
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, x):
        return self.layer(x) + torch.ones(2**29).mean()

@register_method("unruly")
def unruly(net, *, act: str = "nothing"):
    if act == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if act == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if act == "hang":
        time.sleep(1000)
    if act == "seed":
        random.seed(0), torch.manual_seed(0), torch.set_default_dtype(torch.float64), torch.set_grad_enabled(False)
    if act == "exit":
        raise SystemExit(0)
    if act == "fork":
        os.fork()
    if act == "greedy":
        return Greedy()
    if act == "print":
        print("x" * 10_000_000)
    return CoordinateMLP(net, lambda i: nn.Tanh())
'''


class ProgressObserver:
    def __init__(self) -> None:
        self.log = []

    def started(self, job):
        self.log.append(("started", job.spec.label))

    def progress(self, job, progress):
        assert 0 <= progress.fraction <= 1

    def finished(self, job, outcome):
        self.log.append((outcome.status, job.spec.label))

    def waiting(self, jobs):
        self.log.append(("waiting", *(job.spec.label for job in jobs)))


@pytest.fixture
def unruly(tmp_path) -> str:
    path = tmp_path / "unruly.py"
    path.write_text(PLUGIN)
    return str(path)


@pytest.mark.slow
def test_files_of_the_current_folder_are_not_imported_by_workers(tmp_path):
    """A stranger's results folder may be the current folder."""
    for name in ("pickle.py", "inrbench.py", "random.py"):
        (tmp_path / name).write_text(f"from pathlib import Path\nPath({str(tmp_path / 'was-here')!r}).touch()\n")
    script = tmp_path / "bin" / "inrbench.py"  # as the installed command: its folder is on the path, not the current one
    script.parent.mkdir()
    script.write_text("import sys\nsys.path.pop(0)\nfrom inrbench.cli import main\nif __name__ == '__main__':\n    main()\n")
    command = [sys.executable, str(script), "run", "--methods", "siren", "--tasks", "function1d", "--signals", "sin200",
               "--protocol", "quick", "--set", "epochs=2,width=8", "--device", "cpu", "--artifacts", "none"]  # fmt: skip
    for jobs in ("1", "2"):
        done = subprocess.run(
            [*command, "--jobs", jobs, "--seeds", f"{jobs},"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert not (tmp_path / "was-here").exists()


@pytest.mark.slow
def test_a_command_whose_runs_show_progress_bars_ends_without_a_warning(tmp_path):
    """As torch.compile does: the semaphore of tqdm belonged to a worker, and was reported as leaked when that ended."""
    bars = "from tqdm import tqdm\nlist(tqdm([], disable=False))\n"
    (tmp_path / "bars.py").write_text(PLUGIN.replace('"unruly"', '"bars"') + bars)
    command = [sys.executable, "-m", "inrbench", "run", "--methods", "./bars.py", "--tasks", "function1d", "--signals", "sin200",
               "--protocol", "quick", "--set", "epochs=2,width=8", "--device", "cpu", "--artifacts", "none", "--jobs", "1"]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "leaked" not in done.stderr, done.stderr


def workers() -> list[psutil.Process]:
    """Return the worker processes of this process."""
    return [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]


@pytest.mark.slow
def test_workers_that_die_hang_or_print_much_affect_only_their_own_run(tiny_jobs, settings, unruly):
    acts = ("segfault", "print", "killed", "hang", "exit", "fork", "nothing")
    jobs = tiny_jobs(methods=f"{unruly}[act={','.join(acts)}],relu")
    observer = ProgressObserver()
    assert run_local(jobs, replace(settings, workers=2, timeout=20), observer)
    ends = {row["variant"]: row for row in read_runs(settings.results).table.to_pylist() if row["method"] == "unruly"}
    assert {variant: row["status"] for variant, row in ends.items()} == {
        "act=segfault": "error", "act=print": "ok", "act=killed": "oom", "act=hang": "timeout", "act=exit": "error", "act=fork": "ok", "": "ok",
    }  # fmt: skip
    assert "exit code -11" in ends["act=segfault"]["message"]
    assert "lack of memory" in ends["act=killed"]["message"]
    assert "stopped after 20 s; allow more with --timeout" in ends["act=hang"]["message"]
    assert ("ok", "relu") in observer.log
    assert len([entry for entry in observer.log if entry[0] != "started"]) == len(jobs)
    assert not workers()


@pytest.mark.skipif(sys.platform != "linux", reason="memory limits work on Linux only")
def test_a_run_over_the_memory_limit_ends_as_oom_and_others_succeed(tiny_jobs, settings, unruly):
    jobs = tiny_jobs(methods=f"{unruly}[act=greedy],relu")
    assert run_local(jobs, replace(settings, memory=0.5), ProgressObserver())
    ends = {row["method"]: row for row in read_runs(settings.results).table.to_pylist()}
    assert {method: row["status"] for method, row in ends.items()} == {"unruly": "oom", "relu": "ok"}
    assert "activations of a step need" in ends["unruly"]["message"]
    assert "0.5 GiB are allowed (--memory-limit)" in ends["unruly"]["message"]


@pytest.mark.slow
def test_results_do_not_depend_on_the_order_of_runs_or_on_other_runs(tiny_jobs, settings, unruly, tmp_path):
    jobs = tiny_jobs(methods=f"relu,{unruly}[act=exit,print,seed],siren", seeds=(0, 1))
    numbers = []
    for order, name in ((jobs, "a"), (jobs[::-1], "b")):
        assert run_local(order, replace(settings, results=tmp_path / name), ProgressObserver())
        rows = read_runs(tmp_path / name).table.to_pylist()
        numbers.append({row["run_id"]: (row["status"], [m["value"] for m in row["metrics"]]) for row in rows})
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) == len(jobs)


@pytest.mark.parametrize("ends", [True, False])
def test_runs_leased_elsewhere_come_last_and_run_only_if_released(tiny_jobs, settings, ends):
    first, _ = jobs = tiny_jobs(methods="relu,siren")
    other = ExitStack()
    assert other.enter_context(lease(settings.results, first.spec.run_id))

    class Other(ProgressObserver):
        def waiting(self, jobs):
            super().waiting(jobs)
            if ends:
                execute(first, settings)
            other.close()

    observer = Other()
    assert run_local(jobs, settings, observer)
    assert [entry for entry in observer.log if entry[0] != "started"] == [("ok", "siren"), ("waiting", "relu"), ("ok", "relu")]
    assert len(attempt_files(settings.results)) == 2
    assert (("started", "relu") in observer.log) is not ends
    assert not active_leases(settings.results)


def test_runs_share_a_gpu_only_with_the_option_share_gpu():
    assert workers_for("cuda:0") == 1
    assert workers_for("cuda:0", jobs=1) == 1
    assert workers_for("cuda:1", share_gpu=3) == 3
    assert workers_for("cpu", jobs=5) == 5
    assert workers_for("cpu") >= 1
    with pytest.raises(BadValue, match="--jobs 4 on cuda:0.*--share-gpu 4"):
        workers_for("cuda:0", jobs=4)
    with pytest.raises(BadValue, match="--share-gpu 2 on cpu: there is no GPU to share"):
        workers_for("cpu", share_gpu=2)


def test_workers_that_die_while_starting_are_restarted(tiny_jobs, settings):
    jobs, killed = tiny_jobs(methods="relu,siren"), []

    def kill_the_first_worker() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for child in workers():
                child.kill()
                killed.append(child.pid)
                return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_the_first_worker)
    killer.start()
    assert run_local(jobs, settings, ProgressObserver())
    killer.join()
    assert killed
    assert list(finished_runs(settings.results).values()) == ["ok", "ok"]


def test_a_broken_pool_with_unfinished_futures_is_not_waited_for(tiny_jobs, settings, monkeypatch):
    """pebble leaves such futures for jobs that no worker had received when the last worker died."""
    from inrbench.execute.pool import WorkerPool

    class BrokenPool:
        active = False

        def schedule(self, *args, **named):
            return Future()

    jobs = tiny_jobs(methods="relu,siren")
    pool = WorkerPool(jobs, settings, ProgressObserver())
    pool._run_in(BrokenPool())
    assert [pending.job for pending in pool._pending.values()] == jobs, "they are left for the next pool"


def test_a_worker_is_replaced_after_a_failure(tiny_jobs, settings, unruly):
    spoil = """if act == "spoil":
        from inrbench.problems import Regression
        Regression.loss = None
        raise ValueError("spoilt")
    if act == "print":"""
    Path(unruly).write_text(PLUGIN.replace('if act == "print":', spoil))
    run_local(tiny_jobs(methods=f"{unruly}[act=spoil],relu"), settings, ProgressObserver())
    assert sorted(read_runs(settings.results).table["status"].to_pylist()) == ["error", "ok"]


SUITE = [sys.executable, "-m", "inrbench", "run", "--methods", "relu,siren,gauss", "--tasks", "function1d",
         "--protocol", "quick", "--signals", "sin200", "--seeds", "3", "--set", "epochs=150", "--set", "width=32",
         "--jobs", "1", "--device", "cpu"]  # fmt: skip


WITH_SIGINT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Restores Ctrl-C: shells start background jobs with SIGINT ignored, children inherit that, and these tests may run there."""


def start(results: Path, *more: str) -> subprocess.Popen:
    words = [sys.executable, "-c", WITH_SIGINT, *SUITE, *more, "--results", str(results)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def wait_for_runs(results: Path, n: int) -> None:
    deadline = time.monotonic() + 120
    while len(finished_runs(results)) < n:
        assert time.monotonic() < deadline, "no run finished"
        time.sleep(0.05)


@pytest.mark.slow
def test_kill_9_keeps_finished_runs_and_leaves_no_process_running(tmp_path):
    suite = start(tmp_path)
    wait_for_runs(tmp_path, 2)
    workers = psutil.Process(suite.pid).children(recursive=True)
    suite.send_signal(signal.SIGKILL)
    suite.communicate()
    before = finished_runs(tmp_path)
    assert 2 <= len(before) < 9
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive, "workers outlived their parent"
    second = start(tmp_path)
    output = second.communicate()[0]
    assert second.returncode == 0, output
    assert f"9 runs: {len(before)} in {tmp_path} already, {9 - len(before)} to do." in output
    after = finished_runs(tmp_path)
    assert set(before) <= set(after)
    assert len(after) == 9
    assert set(after.values()) == {"ok"}


@pytest.mark.slow
def test_ctrl_c_keeps_finished_runs_and_leaves_the_others_to_do(tmp_path):
    longer = ("--set", "epochs=1500")  # on a busy machine short runs would all be over before the signal
    suite = start(tmp_path, *longer)
    wait_for_runs(tmp_path, 1)
    os.killpg(suite.pid, signal.SIGINT)  # as a terminal does: to the parent and to the workers
    output = suite.communicate(timeout=60)[0]
    assert suite.returncode == 130, output
    assert "Stopped. Finished runs are stored" in output
    assert "Traceback" not in output
    again = start(tmp_path, *longer, "--dry-run").communicate()[0]
    done = sum(status == "ok" for status in finished_runs(tmp_path).values())
    assert f"9 runs: {done} in {tmp_path} already, {9 - done} to do." in again
