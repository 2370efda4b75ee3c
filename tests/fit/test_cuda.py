"""What runs do on a GPU, checked without one: with a fake allocator, fake devices, and torch's own counters."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from inrbench.errors import BrokenPlugin, InrbenchError
from inrbench.fit import FastStep, MemoryMeter, compiling, fp32_backend, fp32_settings, restore_fp32
from inrbench.fit.checkpoint import BatchStream
from inrbench.fit.matmul import matmul_error
from inrbench.fit.step import make_step
from inrbench.problems import Regression
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec

CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")
REGISTRY = Registry()


@pytest.fixture(autouse=True)
def full_precision():
    yield
    restore_fp32()


# precision


def test_settings_are_restored_whichever_function_changed_them():
    before = restore_fp32()
    assert set(before.values()) == {"ieee"}
    torch.set_float32_matmul_precision("high")
    assert fp32_settings() != before
    assert restore_fp32() == before
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    assert restore_fp32() == before


PLUGIN = '''"""Changes the precision of all products. Written for a test."""
import torch
from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import Sine, siren_init


@register_method("fast-and-loose")
def fast_and_loose(net: NetworkSpec):
    CHANGE
    return CoordinateMLP(net, lambda layer: Sine(30.0), siren_init(30.0))
'''
CHANGES = {
    "old function": 'torch.set_float32_matmul_precision("high")',
    "old setting": "torch.backends.cuda.matmul.allow_tf32 = True",
    "new setting": 'torch.backends.cuda.matmul.fp32_precision = "tf32"',
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_method_that_changes_the_precision_is_refused_and_the_next_run_is_not_affected(tiny_jobs, settings, tmp_path, how):
    from inrbench.execute.worker import execute
    from inrbench.store import read_runs

    plugin = tmp_path / f"loose_{how.replace(' ', '_')}.py"
    plugin.write_text(PLUGIN.replace("CHANGE", CHANGES[how]))
    (loose,), (siren,) = tiny_jobs(methods=str(plugin)), tiny_jobs()
    outcome = execute(loose, settings)
    assert (outcome.status, outcome.error_type) == ("error", "BrokenPlugin")
    assert "changed torch.backends.cuda.matmul.fp32_precision from ieee to tf32" in outcome.message
    assert execute(siren, settings).status == "ok"
    row = next(row for row in read_runs(settings.results).table.to_pylist() if row["method"] == "siren")
    assert (row["matmul_precision"], row["tf32"]) == ("highest", False)
    assert set(fp32_settings().values()) == {"ieee"}


def test_a_variable_that_turns_tf32_on_has_no_effect_on_runs():
    script = (
        "import torch\nfrom inrbench.fit import restore_fp32\n"
        "before = torch.backends.cuda.matmul.fp32_precision\nrestore_fp32()\n"
        "print(before, torch.backends.cuda.matmul.fp32_precision)"
    )
    environment = {**os.environ, "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["tf32", "ieee"]


def test_products_without_the_accuracy_of_float32_are_refused(monkeypatch):
    monkeypatch.setattr("inrbench.fit.matmul.matmul_error", lambda device: 2.9e-4)
    with pytest.raises(InrbenchError, match="matrix products on cuda:0 have a relative error of 2.9e-04"):
        fp32_backend(CUDA, fast=True)


def test_the_error_of_products_is_measured_for_every_run_on_a_gpu(monkeypatch):
    asked = []
    monkeypatch.setattr("inrbench.fit.matmul.matmul_error", lambda device: asked.append(device) or 3e-7)
    assert [fp32_backend(CUDA, fast).error for fast in (True, False)] == [3e-7, 3e-7]
    assert asked == [CUDA, CUDA]


def test_the_error_of_products_on_a_cpu_is_that_of_float32():
    assert 1e-8 < matmul_error(CPU) < 2e-6


# memory


class FakeAllocator:
    """torch.cuda's statistics of memory, for blocks that a test allocates."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.peak = 0
        for name, function in {
            "memory_allocated": lambda device: self.now,
            "memory_reserved": lambda device: self.now,
            "max_memory_allocated": lambda device: self.peak,
            "max_memory_reserved": lambda device: self.peak,
            "reset_peak_memory_stats": self.reset,
            "empty_cache": lambda: None,
        }.items():
            monkeypatch.setattr(torch.cuda, name, function)

    def reset(self, device: torch.device) -> None:
        self.peak = self.now

    def take(self, size: int) -> None:
        self.now += size
        self.peak = max(self.peak, self.now)

    def use(self, size: int) -> None:
        """Allocate memory and release it."""
        self.take(size)
        self.now -= size


@pytest.fixture
def allocator(monkeypatch) -> FakeAllocator:
    return FakeAllocator(monkeypatch)


def test_gpu_memory_is_above_the_level_before_the_run(allocator):
    allocator.take(1000)  # left by an earlier run
    meter = MemoryMeter(CUDA)
    allocator.use(800)
    assert meter.gpu_peak_bytes() == (800, 800)


def test_gpu_memory_before_a_pause_is_not_forgotten(allocator):
    meter = MemoryMeter(CUDA)
    allocator.use(800)
    with meter.paused():
        allocator.use(15)
    assert meter.gpu_peak_bytes() == (800, 800)
    with meter.paused():
        allocator.use(5000)
    assert meter.gpu_peak_bytes() == (800, 800)


def test_gpu_memory_that_a_pause_retains_does_not_count(allocator):
    meter = MemoryMeter(CUDA)
    with meter.gpu_paused():
        allocator.take(300)
    allocator.use(100)
    assert meter.gpu_peak_bytes() == (100, 100)
    with meter.gpu_paused():
        allocator.now -= 300  # it is dropped
    allocator.use(120)
    assert meter.gpu_peak_bytes() == (120, 120)


def test_the_order_of_an_epoch_is_drawn_in_a_pause(allocator):
    """The order of 42 million voxels takes more memory than a step on them."""
    x = torch.zeros(10, 2)

    class Shuffled(Regression):
        def batches(self, generator):
            allocator.take(700)
            try:
                for rows in torch.randperm(10, generator=generator).split(5):
                    yield self.take(rows)
            finally:
                allocator.now -= 700

    problem = Shuffled(x, x, 5, None)
    meter = MemoryMeter(CUDA)
    stream = BatchStream(problem, torch.Generator().manual_seed(0), meter.gpu_paused)
    for _ in range(7):
        next(stream)
        allocator.use(50)
    assert meter.gpu_peak_bytes() == (50, 50)


# graphs


def network(name: str = "siren", width: int = 16) -> nn.Module:
    torch.manual_seed(0)
    return REGISTRY.method(name)(NetworkSpec(in_features=2, out_features=3, width=width, n_layers=2))


def problem(points: int = 64) -> Regression:
    x = torch.rand(points, 2, generator=torch.Generator().manual_seed(0))
    return Regression(x, torch.zeros(points, 3), None, None)


def test_no_run_falls_back_to_eager_because_of_how_many_ran_before_it(monkeypatch):
    monkeypatch.setattr(compiling, "MAX_GRAPHS", 4)
    monkeypatch.setattr(compiling, "GRAPHS_PER_RUN", 2)
    notes = []
    for width in range(8, 8 + 6):
        step = FastStep(network(width=width), problem(), "compiled")
        step.prepare()
        notes.append((step.facts().compiled, step.facts().note))
    assert set(notes) == {(True, None)}


def test_cuda_graphs_are_recorded_before_the_first_step(monkeypatch):
    """torch compiles in the first call of a chunk size, records in the second and replays from the third on."""
    calls = []

    class Counting:
        def __init__(self, loss, fitted, net, mode) -> None:
            self.network = net

        def __call__(self, chunk, weight):
            calls.append(len(chunk[0]))
            return problem().loss(self.network, chunk, weight)

    monkeypatch.setattr("inrbench.fit.step.CompiledLoss", Counting)
    net = network()
    step = FastStep(net, problem(), "cuda_graph")
    step.prepare()
    assert calls == [64]
    step.warm_up()
    assert calls == [64], "on a CPU nothing is recorded"

    class OnGpu(nn.Parameter):
        device = CUDA

    monkeypatch.setattr(
        step, "network", type("Net", (), {"parameters": lambda self: iter([OnGpu()]), "zero_grad": lambda self, **k: None})()
    )
    step.warm_up()
    assert calls == [64, 64, 64]


PROTOCOLS = [(task, name) for task in ("function1d", "photo", "heat1d", "audio") for name in REGISTRY.task(task).protocols]


@pytest.mark.parametrize(("task", "name"), PROTOCOLS)
def test_all_methods_of_a_protocol_are_computed_in_the_same_way(task, name):
    """The step mode follows from the protocol alone; a method's own amount of work does not change it."""
    plugin = REGISTRY.task(task)
    protocol = plugin.protocols[name]
    fitted = plugin.problem(plugin.signals()[0], protocol, 0)
    modes = set()
    for method in ("siren", "wire", "staf") if plugin.kind != "pde" else ("pinn", "msa-pinn"):
        net = NetworkSpec(
            in_features=fitted.in_features, out_features=fitted.out_features, width=protocol.width, n_layers=protocol.n_layers,
            domain=fitted.domain,
        )  # fmt: skip
        step = make_step("fast", REGISTRY.method(method)(net), fitted, protocol, protocol.epochs * fitted.steps_per_epoch)
        modes.add(step.loss.mode)
    assert len(modes) == 1


# other users of the GPU


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


def test_old_records_are_removed(gpu, tmp_path):
    from inrbench.execute.gpu import GpuWatch

    GpuWatch(CUDA).end()
    (folder,) = Path(tmp_path).glob("inrbench-gpu-*")
    (record,) = folder.iterdir()
    os.utime(record, (0, 0))
    GpuWatch(CUDA).end()
    assert not record.exists()


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
