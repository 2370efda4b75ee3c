"""Executors; the one for SLURM is tested on a real cluster where SLURM_CONF names one."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.errors import BadValue, InrbenchError, UnknownName
from inrbench.execute import ExecutionRequest, load_executor, slurm
from inrbench.execute.executors import GROUP
from inrbench.planning import resolve_device
from inrbench.store import checkpoints, finished_runs, load_results, read_runs


def cluster_is_available() -> bool:
    """Return whether there is a cluster made for these tests, which cancel all its jobs and take a node down."""
    if not os.environ.get("SLURM_CONF") or shutil.which("scontrol") is None:
        return False
    done = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True, check=False, timeout=30)
    return any(line.split() == ["ClusterName", "=", "inrbench"] for line in done.stdout.splitlines())


needs_cluster = pytest.mark.skipif(not cluster_is_available(), reason="no SLURM named 'inrbench' here (SLURM_CONF)")


@pytest.fixture
def cluster():
    """Cancel the jobs of the cluster before and after the test."""
    subprocess.run(["scancel", "-n", "inrbench"], check=True)
    wait_for(lambda: not queued())
    yield
    subprocess.run(["scancel", "-n", "inrbench"], check=True)


COMMAND = ("run", "--methods", "siren,relu", "--tasks", "function1d", "--protocol", "quick", "--signals", "sin200",
           "--set", "width=16", "--seeds", "2", "--device", "cpu", "--artifacts", "none", "--executor", "slurm")  # fmt: skip
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are started deaf to it
from inrbench.cli.main import main
from inrbench.execute import slurm
slurm.BUNDLE_SECONDS = 0.0
slurm.POLL_SECONDS = 0.5
main()
"""


def start(results: Path, *words: str) -> subprocess.Popen:
    command = [sys.executable, "-c", PROGRAM, *COMMAND, "--results", str(results), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def invoke_status(results: Path) -> str:
    return CliRunner().invoke(cli, ["status", "--results", str(results)], standalone_mode=False).output


def end(process: subprocess.Popen, within: float = 200.0) -> str:
    text, _ = process.communicate(timeout=within)
    return text


def wait_for(what, within: float = 90.0) -> None:
    limit = time.monotonic() + within
    while not what():
        assert time.monotonic() < limit, "the condition was not met in time"
        time.sleep(0.3)


def queued(*options: str) -> list[str]:
    return subprocess.run(
        ["squeue", "-h", "-r", "-o", "%i", *options], capture_output=True, text=True, check=True
    ).stdout.split()


def running() -> list[str]:
    return queued("-t", "R")


def start_waiting_tasks() -> bool:
    """Let tasks that were queued again start now, instead of after two minutes, and return whether there was one."""
    commands = [["scontrol", "update", f"JobId={task}", "StartTime=now"] for task in queued("-t", "PD")]
    return 0 in [subprocess.run(command, check=False, capture_output=True).returncode for command in commands]


def test_executors_are_found_by_name():
    assert load_executor("slurm") is slurm.run_slurm
    with pytest.raises(UnknownName, match="unknown executor 'slrum', did you mean 'slurm'"):
        load_executor("slrum")


def test_executors_of_third_parties_are_found_by_entry_point(tmp_path, monkeypatch):
    (tmp_path / "theirs.py").write_text("def everywhere(work, listener):\n    return True\n")
    facts = tmp_path / "theirs-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[{GROUP}]\neverywhere = theirs:everywhere\nbroken = theirs:nothing\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_executor("everywhere")(None, None) is True
    with pytest.raises(InrbenchError, match="executor 'broken' cannot be imported"):
        load_executor("broken")


def test_bundles_are_long_enough_and_start_with_the_longest_run(tiny_jobs):
    jobs = tiny_jobs(seeds=range(10))
    seconds = {job.spec.run_id: float(100 * i) for i, job in enumerate(jobs)}
    made = slurm.bundles(jobs, seconds)
    assert sorted(job.spec.seed for bundle, _ in made for job in bundle) == list(range(10))
    assert [job.spec.seed for job in made[0][0]] == [9]
    assert all(total >= slurm.BUNDLE_SECONDS for _, total in made[:-1])
    assert all(total == sum(seconds[job.spec.run_id] for job in bundle) for bundle, total in made)
    assert slurm.bundles([], {}) == []


def test_resources_are_translated_for_slurm_and_validated(tiny_jobs, settings):
    def ask(device="cpu", **resources):
        jobs = tiny_jobs(device=device)
        return slurm._parameters(ExecutionRequest(jobs=jobs, seconds=[0.0], settings=settings, resources=resources))

    assert ask() == {"job_name": "inrbench", "cpus_per_task": 1}
    assert ask("cuda:0") == {"job_name": "inrbench", "gpus_per_node": 1, "cpus_per_task": 4}
    assert ask("cuda:0", gpus="a100:1")["gpus_per_node"] == "a100:1"
    for gpus in ("2", "a100", "a100:2", "many"):
        with pytest.raises(BadValue, match=f"--resource gpus={gpus}: a run uses one GPU; write gpus=1, or with its type"):
            ask("cuda:0", gpus=gpus)
    with pytest.raises(BadValue, match="a task sees only its own GPU; use --device cuda"):
        ask("cuda:1")
    assert ask(time="90", memory="8GB", setup="module load cuda") == {
        "job_name": "inrbench", "cpus_per_task": 1, "time": 90, "mem": "8GB", "setup": ["module load cuda"],
    }  # fmt: skip
    with pytest.raises(BadValue, match="--resource colour: the resources are partition, account"):
        ask(colour="red")
    with pytest.raises(BadValue, match="--resource time=soon: expected a whole number"):
        ask(time="soon")


def test_runs_of_a_slurm_task_are_sequential_unless_they_share_its_gpu(tiny_jobs, settings):
    def node_settings(device, workers):
        work = ExecutionRequest(jobs=tiny_jobs(device=device), seconds=[0.0], settings=replace(settings, workers=workers))
        made = slurm.node_settings(work, cpus=8)
        return made.workers, made.threads

    assert node_settings("cpu", 2) == (1, 8)  # the number of workers applies to the submitting machine
    assert node_settings("cuda:0", 1) == (1, 8)
    assert node_settings("cuda:0", 4) == (4, 2)


def test_the_local_executor_takes_no_resources(tiny_jobs, settings):
    with pytest.raises(BadValue, match="--executor local has no resources"):
        load_executor("local")(ExecutionRequest(jobs=[], seconds=[], settings=settings, resources={"time": 5}), None)


def test_the_device_of_a_remote_run_need_not_exist_here():
    assert resolve_device("cuda", here=False) == "cuda:0"
    assert resolve_device("auto", here=False) == "cpu"


def test_slurm_is_refused_without_sbatch_and_inside_srun(tiny_jobs, settings, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InrbenchError, match="there is no sbatch here"):
        slurm.run_slurm(ExecutionRequest(jobs=tiny_jobs(), seconds=[0.0], settings=settings), None)
    monkeypatch.undo()
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    with pytest.raises(InrbenchError, match="inside srun"):
        slurm.run_slurm(ExecutionRequest(jobs=tiny_jobs(), seconds=[0.0], settings=settings), None)


@needs_cluster
@pytest.mark.slow
def test_runs_on_a_cluster_are_not_repeated_by_a_second_command(cluster, tmp_path):
    process = start(tmp_path, "--set", "epochs=20")
    text = end(process)
    assert process.returncode == 0, text
    assert "4 of 4 runs: 4 ok" in text
    assert load_results(tmp_path)["status"].tolist() == ["ok"] * 4
    assert "4 in" in end(start(tmp_path, "--set", "epochs=20"))


@needs_cluster
@pytest.mark.slow
def test_a_cancelled_task_and_a_lost_node_lose_no_run(cluster, tmp_path):
    process = start(tmp_path, "--set", "epochs=3000")
    try:
        wait_for(lambda: len(running()) == 2)
        subprocess.run(["scancel", running()[0]], check=True)
        wait_for(lambda: len(running()) == 2)
        subprocess.run(["scontrol", "update", "NodeName=n1", "State=DOWN", "Reason=test"], check=True)
        time.sleep(3)
        # a node that responds may have resumed already
        subprocess.run(["scontrol", "update", "NodeName=n1", "State=RESUME"], check=False, capture_output=True)
        wait_for(start_waiting_tasks)
        text = end(process, 300)
    finally:
        process.kill()
    assert process.returncode == 0, text
    frame = read_runs(tmp_path).table.to_pandas()
    assert frame["status"].tolist() == ["ok"] * 4
    assert frame["run_id"].is_unique


def last_checkpoint(results: Path) -> float:
    """Return when the last checkpoint was written; 0 without one."""
    return max((path.stat().st_mtime for path in checkpoints(results).values()), default=0.0)


@needs_cluster
@pytest.mark.slow
def test_a_task_that_is_asked_to_stop_is_queued_again_and_continues(cluster, tmp_path):
    """SLURM sends this signal before the time limit, and when it takes a node away."""
    options = ("--methods", "siren", "--set", "epochs=5000", "--seeds", "1", "--checkpoint-every", "0.5s")
    process = start(tmp_path, *options)
    try:
        for _ in range(2):
            before = last_checkpoint(tmp_path)
            wait_for(lambda before=before: last_checkpoint(tmp_path) > before)
            (task,) = running()
            subprocess.run(["scancel", "--signal=USR2", task], check=True)
            wait_for(start_waiting_tasks)
        text = end(process, 300)
    finally:
        process.kill()
    assert process.returncode == 0, text
    (row,) = read_runs(tmp_path).table.to_pylist()
    assert (row["status"], row["steps"], row["resumptions"]) == ("ok", 5000, 2)
    assert not checkpoints(tmp_path)


@needs_cluster
@pytest.mark.slow
def test_ctrl_c_keeps_cluster_runs_going_and_the_command_can_be_resumed(cluster, tmp_path):
    process = start(tmp_path, "--set", "epochs=3000")
    wait_for(lambda: len(running()) == 2)
    process.send_signal(signal.SIGINT)
    text = end(process)
    assert process.returncode == 130, text
    assert "Stopped here. Submitted runs continue" in text
    status = invoke_status(tmp_path)
    assert "running on n" in status
    assert re.search(r"\d runs are left", status)
    sent = len(list((tmp_path / "submissions").glob("*.json")))
    process = start(tmp_path, "--set", "epochs=3000")
    text = end(process, 300)
    assert process.returncode == 0, text
    assert len(list((tmp_path / "submissions").glob("*.json"))) == sent  # nothing was sent twice
    assert set(finished_runs(tmp_path).values()) == {"ok"}
    wait_for(lambda: not running())
    assert "No run is in progress." in invoke_status(tmp_path)


@needs_cluster
@pytest.mark.slow
def test_ctrl_c_with_cancel_on_interrupt_ends_the_runs(cluster, tmp_path):
    process = start(tmp_path, "--set", "epochs=100000", "--cancel-on-interrupt")
    wait_for(lambda: len(running()) == 2)
    process.send_signal(signal.SIGINT)
    assert "Stopped." in end(process)
    wait_for(lambda: not running())
