"""How runs notice other users of their GPU, and that it has no memory left. Checked with a GPU that is simulated."""

import os
import subprocess
import sys
import time
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inrbench.errors import BrokenPlugin

CUDA = torch.device("cuda:0")


class FakeGpu:
    uuid = "GPU-1"


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    from inrbench.execute import gpu as module

    state = {"free": 79 * 2**30, "processes": 1}
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: FakeGpu)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (state["free"], 80 * 2**30))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2**29)
    monkeypatch.setattr(module, "_processes", lambda uuid: state["processes"])
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path))
    return state


def test_a_gpu_without_other_users_is_not_shared(gpu):
    from inrbench.execute.gpu import GpuWatch

    for _ in range(2):
        assert GpuWatch(CUDA).end() is False


def test_other_processes_are_seen_by_their_memory_and_by_the_driver(gpu):
    from inrbench.execute.gpu import GpuWatch

    watch = GpuWatch(CUDA)
    gpu["free"] = 70 * 2**30  # somebody starts meanwhile
    assert watch.end() is True
    gpu["free"] = 79 * 2**30
    gpu["processes"] = 2
    watch = GpuWatch(CUDA)
    gpu["processes"] = 1
    assert watch.end() is True


OTHER = """
import sys, tempfile, time, torch
from inrbench.execute import gpu
torch.cuda.get_device_properties = lambda device: type("Gpu", (), {"uuid": "GPU-1"})
torch.cuda.mem_get_info = lambda device: (2**33, 2**33)
torch.cuda.memory_reserved = lambda device: 0
gpu._processes = lambda uuid: 1
gpu.tempfile.gettempdir = lambda: sys.argv[1]
watch = gpu.GpuWatch(torch.device("cuda:0"))
print("running", flush=True)
if sys.argv[2] == "ends":
    watch.end()
else:
    time.sleep(600)
"""


@pytest.mark.parametrize("how", ["ends", "stays"])
def test_a_run_of_another_command_on_the_same_gpu_is_seen(gpu, tmp_path, how):
    from inrbench.execute.gpu import GpuWatch

    watch = GpuWatch(CUDA)
    other = subprocess.Popen([sys.executable, "-c", OTHER, str(tmp_path), how], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "running\n"
    if how == "ends":
        assert other.wait() == 0
    assert watch.end() is True
    other.kill()
    other.wait()
    other.stdout.close()
    time.sleep(0.05)
    assert GpuWatch(CUDA).end() is False, "what died or ended before the start does not count"


def test_a_folder_of_another_user_does_not_end_a_run(gpu, monkeypatch):
    """Somebody may have made the folder in the shared folder for temporary files: only the memory says then who is there."""
    import inrbench.execute.gpu as module
    from inrbench.errors import BadValue

    def foreign(path: Path) -> Path:
        raise BadValue(f"{path} belongs to another user")

    monkeypatch.setattr(module, "private_folder", foreign)
    watch = module.GpuWatch(CUDA)
    assert watch.end() is False
    gpu["free"] = 70 * 2**30
    assert watch.end() is True


def test_old_records_are_removed(gpu, tmp_path):
    from inrbench.execute.gpu import GpuWatch

    GpuWatch(CUDA).end()
    (folder,) = Path(tmp_path).glob("inrbench-gpu-*")
    (record,) = folder.iterdir()
    os.utime(record, (0, 0))
    running = GpuWatch(CUDA)
    os.utime(running._file, (0, 0))  # a run of more than a day
    GpuWatch(CUDA).end()
    assert not record.exists()
    assert running._file.exists()


@pytest.mark.parametrize(
    "message",
    [
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDNN_STATUS_ALLOC_FAILED",
        "CUDA out of memory",
    ],
)
def test_allocation_failures_of_libraries_are_out_of_memory(message):
    from inrbench.execute.worker import status_of

    assert status_of(RuntimeError(message)) == "oom"
    assert status_of(BrokenPlugin("something else")) == "error"


def test_a_run_without_gpu_memory_at_its_start_is_tried_once_more(tiny_jobs, settings, monkeypatch):
    """A process that was killed may not have released its memory yet."""
    from inrbench.execute import worker

    (job,) = tiny_jobs()
    job = replace(job, device="cuda:0")
    tries, frames = [], []

    class Held:
        pass

    def attempt(*args: object) -> BaseException | None:
        assert len(tries) != 1 or frames[0]() is None, "the first try still holds its memory"
        tries.append(1)
        held = Held()
        frames.append(weakref.ref(held))
        try:
            raise torch.OutOfMemoryError("CUDA out of memory")
        except torch.OutOfMemoryError as error:
            return error if len(tries) < 3 else None

    monkeypatch.setattr(worker, "_attempt", attempt)
    monkeypatch.setattr(worker, "RELEASE_SECONDS", 0.0)
    assert (worker.execute(job, settings).status, len(tries)) == ("oom", 2), "once, and not for ever"
    assert worker.execute(job, settings).status == "ok"


def test_a_run_selects_its_gpu_before_it_starts(monkeypatch):
    """Otherwise some of a run's work on cuda:1 would go to cuda:0, another run's GPU."""
    from inrbench.execute import worker
    from inrbench.execute.run_state import RunState
    from inrbench.fit import Clock

    seen = []

    class Watch:
        def __init__(self, device: torch.device) -> None:
            seen.append(("watch", device))

        def end(self) -> bool:
            return True

    monkeypatch.setattr(worker, "GpuWatch", Watch)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: seen.append(("select", torch.device(device))))
    state = RunState(Clock(torch.device("cpu")))
    with worker._watch_gpu(state, "cuda:1"):
        seen.append("run")
    assert seen == [("select", torch.device("cuda:1")), ("watch", torch.device("cuda:1")), "run"]
    assert state.gpu_shared is True
