"""Commands that stop before their runs have ended: by time, by a signal, or by kill -9."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from inrbench.planning import parse_duration
from inrbench.store import checkpoints, read_runs

PATIENCE = 240.0
LONG = ["run", "--methods", "siren", "--tasks", "function1d", "--signals", "sin200", "--protocol", "quick", "--device", "cpu",
        "--set", "epochs=3000,width=32", "--jobs", "1", "--artifacts", "none"]  # fmt: skip
"""A run of some ten seconds."""


PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
from inrbench.cli.main import main
main()
"""


def start(results: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, *LONG, "--results", str(results), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ)


def finish(results: Path, *words: str) -> tuple[int, str]:
    process = start(results, *words)
    text, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, text


def numbers(results: Path) -> list[tuple[object, ...]]:
    rows = [row for row in read_runs(results).table.to_pylist() if row["status"] == "ok"]
    return [
        (row["seed"], [(m["id"], m["value"]) for m in row["metrics"]], [(p["step"], p["loss"]) for p in row["curve"]])
        for row in sorted(rows, key=lambda row: row["seed"])
    ]


def wait_for_checkpoint(results: Path) -> None:
    limit = time.monotonic() + PATIENCE
    while not checkpoints(results):
        assert time.monotonic() < limit, "no checkpoint was written"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> list[tuple[object, ...]]:
    """The numbers of two uninterrupted runs."""
    results = tmp_path_factory.mktemp("whole")
    code, text = finish(results, "--seeds", "2")
    assert code == 0, text
    return numbers(results)


@pytest.mark.slow
def test_max_time_stops_the_command_and_the_same_command_continues(whole, tmp_path):
    begin = time.monotonic()
    code, text = finish(tmp_path, "--seeds", "2", "--max-time", "12s")
    assert time.monotonic() - begin < 12 + 5 + 15  # starting Python and stopping workers on a busy machine
    assert code == 5, text
    assert re.search(r"Time is up: [12] runs? not ended, about .* left. The same command continues them", text), text
    assert checkpoints(tmp_path), text
    code, text = finish(tmp_path, "--seeds", "2")
    assert code == 0, text
    assert numbers(tmp_path) == whole
    assert max(row["resumptions"] for row in read_runs(tmp_path).table.to_pylist()) >= 1
    assert not checkpoints(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1])  # SIGTERM: see two commands that resume one run
def test_signals_write_a_checkpoint_and_the_same_command_continues(whole, tmp_path, number):
    process = start(tmp_path, "--checkpoint-every", "0.5s")
    wait_for_checkpoint(tmp_path)
    process.send_signal(number)
    text, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, text
    assert checkpoints(tmp_path)
    code, text = finish(tmp_path)
    assert code == 0, text
    assert numbers(tmp_path) == whole[:1]


@pytest.mark.slow
def test_kill_9_loses_only_the_steps_since_the_last_checkpoint(whole, tmp_path):
    for _ in range(2):  # benchmarks/checkpoint_kills.py kills more often
        process = start(tmp_path, "--checkpoint-every", "0.3s")
        wait_for_checkpoint(tmp_path)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate(timeout=PATIENCE)
        psutil.wait_procs(workers, timeout=20)
    code, text = finish(tmp_path)
    assert code == 0, text
    assert numbers(tmp_path) == whole[:1]
    assert any(row["resumptions"] for row in read_runs(tmp_path).table.to_pylist())


@pytest.mark.slow
def test_two_commands_that_resume_one_run_do_it_once(whole, tmp_path):
    process = start(tmp_path, "--checkpoint-every", "0.3s")
    wait_for_checkpoint(tmp_path)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    both = [start(tmp_path) for _ in range(2)]
    texts = [process.communicate(timeout=PATIENCE)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], texts
    (row,) = read_runs(tmp_path).table.to_pylist()
    assert row["resumptions"] == 1
    assert len(list((tmp_path / "store").rglob("*.ok.parquet"))) == 1
    assert numbers(tmp_path) == whole[:1]


SLOW_STEPS = '''"""Each step takes seconds. Written for a test."""
import time

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import Sine, siren_init


class Slow(CoordinateMLP):
    def forward(self, x):
        if self.training and x.requires_grad is False and len(x) > 500:
            time.sleep(2)
        return super().forward(x)


@register_method("slow-steps")
def slow_steps(net: NetworkSpec):
    return Slow(net, lambda layer: Sine(30.0), siren_init(30.0))
'''


@pytest.mark.slow
def test_a_limit_shorter_than_a_step_still_makes_progress(tmp_path):
    plugin = tmp_path / "slow_steps.py"
    plugin.write_text(SLOW_STEPS)
    words = ["--methods", str(plugin), "--set", "epochs=6,width=8", "--max-time", "9s"]
    for _ in range(12):
        code, text = finish(tmp_path / "results", *words)
        if code == 0:
            break
        assert code == 5, text
        assert "Time is up: 1 run not ended" in text
    assert code == 0, text
    (row,) = read_runs(tmp_path / "results").table.to_pylist()
    assert row["resumptions"] >= 1


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "0s", "1:2", "2 weeks", "00:00"])
def test_invalid_durations_are_refused(text):
    with pytest.raises(Exception, match="is not a duration; write 2h, 90m, 1h30m, 45s or HH:MM:SS"):
        parse_duration(text)
