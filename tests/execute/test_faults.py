"""External faults during a suite: a full disk, a deleted folder, a signal, a second command in the same folder."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from inrbench.store import active_leases, attempt_files, checkpoints, finished_runs, read_runs, verify

SUITE = ("run", "--methods", "siren,relu", "--tasks", "function1d", "--protocol", "quick", "--signals", "sin200",
         "--set", "width=16", "--jobs", "1", "--device", "cpu", "--artifacts", "none")  # fmt: skip
PATIENCE = 120
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the suite in a folder; processes still alive at the end are killed, so that no test hangs."""
    started: list[subprocess.Popen[str]] = []

    def begin(results: Path, *more: str, seeds: int = 6, epochs: int = 300) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "inrbench", *SUITE, "--seeds", str(seeds), "--set", f"epochs={epochs}"]
        process = subprocess.Popen(
            [*command, *more, "--results", str(results)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def wait_for_runs(results: Path, n: int) -> None:
    limit = time.monotonic() + PATIENCE
    while len(finished_runs(results)) < n:
        assert time.monotonic() < limit, "no run finished"
        time.sleep(0.05)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_ends_the_command_in_one_line_and_keeps_finished_runs(small_disk, start):
    process = start(small_disk / "results", seeds=40, epochs=3)
    text, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, text
    assert "No space left on device. Choose another folder with --results" in text
    assert "Traceback" not in text
    read = read_runs(small_disk / "results")
    assert not read.unreadable
    assert 0 < read.table.num_rows < 80
    assert set(read.table["status"].to_pylist()) == {"ok"}
    assert f"[{read.table.num_rows}/80] ok" in text


@pytest.mark.slow
def test_deleting_the_results_folder_loses_only_the_runs_in_it(tmp_path, start):
    results = tmp_path / "results"
    process = start(results)
    wait_for_runs(results, 2)
    with suppress(OSError):  # a run may be stored meanwhile
        shutil.rmtree(results)
    text, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode in (0, 1), text
    assert "Traceback" not in text
    left = finished_runs(results)
    assert 0 < len(left) < 12
    assert not verify(results).faults


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_sighup_stop_a_suite_cleanly(tmp_path, start, number):
    process = start(tmp_path, epochs=3000)
    wait_for_runs(tmp_path, 1)
    limit = time.monotonic() + PATIENCE
    while not any(lease.name not in finished_runs(tmp_path) and "what" in lease.info for lease in active_leases(tmp_path)):
        assert time.monotonic() < limit, "no other run began"
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    text, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, text
    assert "Stopped. Finished runs are stored" in text
    assert not psutil.wait_procs(workers, timeout=20)[1]
    assert "interrupted" in set(finished_runs(tmp_path).values())


@pytest.mark.slow
def test_two_commands_on_one_store_succeed_without_duplicate_runs(tmp_path, start):
    for process in [start(tmp_path), start(tmp_path, "--order", "random")]:
        text, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, text
    assert len(attempt_files(tmp_path)) == 12  # they shared the runs: none was executed twice
    assert set(finished_runs(tmp_path).values()) == {"ok"}
    assert len(finished_runs(tmp_path)) == 12
    assert not verify(tmp_path).faults


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
def test_ctrl_c_while_workers_start_prints_no_traceback(tmp_path, seconds):
    """Ctrl-C reaches every process of the terminal, also those that import torch at this time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "inrbench", "run", "--methods", "siren", "--tasks", "function1d", "--signals", "sin200", "--protocol",
         "paper", "--device", "cpu", "--jobs", "1", "--artifacts", "none", "--results", str(tmp_path / "r")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    try:
        text, _ = process.communicate(timeout=PATIENCE)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode in (130, -signal.SIGINT), text  # a shell shows both as 130
    assert "Traceback" not in text


@pytest.mark.slow
def test_sigterm_to_all_processes_leaves_runs_that_continue(tmp_path):
    """`timeout`, systemd and schedulers signal the whole group, not only the command."""
    process = subprocess.Popen(
        [sys.executable, "-m", "inrbench", *SUITE, "--set", "epochs=100000", "--checkpoint-every", "1s", "--results", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    limit = time.monotonic() + PATIENCE
    while not checkpoints(tmp_path):
        assert time.monotonic() < limit, "no checkpoint was written"
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGTERM)
    text, _ = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in text
    assert set(finished_runs(tmp_path).values()) <= {"interrupted"}
    assert checkpoints(tmp_path)
