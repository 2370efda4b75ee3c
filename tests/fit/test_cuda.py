"""What runs do on a GPU, checked without one: with a fake allocator, fake devices, and torch's own counters."""

import os
import subprocess
import sys
import time
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from inrbench.errors import BrokenPlugin, InrbenchError
from inrbench.fit import Clock, FastStep, MemoryMeter, compiling, fp32_backend, fp32_settings, restore_fp32
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


# shapes, equations and profiles on a GPU


def test_tensors_are_moved_to_a_gpu_in_one_piece_with_the_same_bits():
    from inrbench.problems.chunks import packed, unpacked

    tensors = [torch.randn(5, 2), torch.randn(5, 1), torch.randn(3, 2), torch.randn(0, 1)]
    found = unpacked(packed(tensors), [tensor.shape for tensor in tensors])
    assert all(torch.equal(a, b) for a, b in zip(tensors, found, strict=True))


def test_coordinates_of_voxels_are_computed_on_the_device():
    from inrbench.problems import Grid

    grid = Grid((4, 3, 5), (-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
    assert grid.coordinates(slice(7, 19), torch.device("meta")).device.type == "meta"
    assert torch.equal(grid.coordinates(slice(7, 19), CPU), grid.coordinates(slice(7, 19)))


class WaitCounter(torch.utils._python_dispatch.TorchDispatchMode):
    """Count the operations that wait for the device: they copy a number to Python, or a tensor to the CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.waits += func.overloadpacket.__name__ in ("_local_scalar_dense", "nonzero", "masked_select")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("task", "signal", "changes"), [
    ("photo", "camera", {"max_pixels": "1024", "batch": "300"}),
    ("occupancy", "gyroid", {"resolution": "12", "batch": "500", "scoring": "official"}),
    ("heat1d", "b5", {"batch": "64"}),
])  # fmt: skip
def test_steps_do_not_wait_for_the_device(tiny_jobs, task, signal, changes):
    """A step that waits leaves the GPU idle while the next one is prepared."""
    method = "pinn" if task == "heat1d" else "siren"
    (job,) = tiny_jobs(methods=method, tasks=task, signals=signal, changes={"epochs": "4", "width": "8", **changes})
    plugin = REGISTRY.task(task)
    fitted = plugin.problem(signal, job.protocol, 0)
    net = NetworkSpec(
        in_features=fitted.in_features, out_features=fitted.out_features, width=8, n_layers=2, domain=fitted.domain
    )
    step = make_step("fast", REGISTRY.method(method)(net), fitted, job.protocol, 100)
    step.prepare()
    stream = BatchStream(fitted, torch.Generator().manual_seed(0))
    step(next(stream), 1e-3)
    with WaitCounter() as counter:
        for _ in range(min(3, fitted.steps_per_epoch - 1) or 2):
            step(next(stream), 1e-3)
    assert counter.waits == 0


def test_a_probe_does_not_change_the_official_score(tiny_jobs):
    """A probe in the middle of an epoch computes losses too; they are not outputs of a step."""
    changes = {"epochs": "5", "width": "8", "resolution": "12", "batch": "500", "scoring": "official"}
    (job,) = tiny_jobs(tasks="occupancy", signals="gyroid", changes=changes)
    overlaps = []
    for probing in (False, True):
        fitted = REGISTRY.task("occupancy").problem("gyroid", job.protocol, 0)
        torch.manual_seed(0)
        net = REGISTRY.method("siren")(NetworkSpec(in_features=3, out_features=1, width=8, n_layers=2))
        for batch in fitted.batches(torch.Generator().manual_seed(0)):
            fitted.loss(net, batch, torch.tensor(1 / 500))
            if probing:
                with fitted.without_recording():
                    fitted.loss(net, batch, torch.tensor(1 / 500))
        assert fitted.training_state()["seen"] == fitted.n_points
        overlaps.append(fitted.evaluation.training_overlap().either > 0)
    assert overlaps == [True, True]


def test_a_profile_on_a_gpu_times_many_steps_between_two_synchronisations(monkeypatch):
    from inrbench.profiling import timing

    monkeypatch.setattr(timing, "_synchronise", lambda device: None)
    monkeypatch.setattr(timing, "GPU_WARM_UP_SECONDS", 0.01)
    calls = []
    repeats = timing._repeats(lambda: (calls.append(1), time.sleep(0.001)), CUDA)
    assert 10 < repeats <= 50
    assert len(calls) > 3, "it is warmed up"
    assert timing._repeats(lambda: None, CPU) == 1


@pytest.mark.parametrize(
    ("points", "steps", "mode"), [(1024, 60_000, "cuda_graph"), (1024, 10, "eager"), (400_000, 20_000, "compiled")]
)
def test_a_profile_on_a_gpu_measures_what_runs_do(monkeypatch, points, steps, mode):
    from inrbench.profiling import random_regression, timing

    counted = timing.count_usual_ops
    monkeypatch.setattr(
        timing, "count_usual_ops", lambda problem, width, n_layers, device: counted(problem, width, n_layers, CPU)
    )
    assert timing.usual_step_mode(random_regression(points, 2, 3), (4, 256), CUDA, steps) == mode


# estimates and devices


def test_a_timing_waits_for_the_device_of_the_run(monkeypatch):
    from inrbench.planning.estimate import _seconds_of

    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device=None: waited.append(device))
    _seconds_of(lambda: torch.ones(1, requires_grad=True).sum(), torch.device("cuda:1"))
    assert set(waited) == {torch.device("cuda:1")}


def test_an_estimate_for_a_gpu_is_made_in_a_process_of_its_own(tiny_jobs, tmp_path, monkeypatch):
    from inrbench.planning import estimate

    calls = []
    module = sys.modules["inrbench.planning.estimate"]
    monkeypatch.setattr(module, "_calibrate", lambda *_: calls.append(1))
    jobs = tiny_jobs(device="cuda:0")
    expected = estimate(jobs, tmp_path, 1)
    assert (expected.unknown, expected.ranges) == (1, [(0.0, 0.0)])
    assert not calls, "estimated in this process"
    assert not torch.cuda.is_initialized()


def test_a_login_node_estimates_from_the_runs_of_all_gpus(tiny_jobs, tmp_path, attempt):
    from inrbench.planning.estimate import earlier_seconds
    from inrbench.store import append

    append(tmp_path, attempt(device_class="cuda"))
    append(tmp_path, attempt(device_class="cpu", seed=1))
    assert len(earlier_seconds(tmp_path, "cuda:0")) == 1


@pytest.mark.parametrize(("change", "reason"), [
    (lambda patch, tmp: patch.setattr(torch.version, "cuda", None), f"torch {torch.__version__} was built without CUDA"),
    (lambda patch, tmp: patch.setenv("CUDA_VISIBLE_DEVICES", ""), "CUDA_VISIBLE_DEVICES= hides all GPUs"),
    (lambda patch, tmp: None, "there is no NVIDIA driver"),
])  # fmt: skip
def test_a_missing_gpu_is_explained(monkeypatch, tmp_path, change, reason):
    from inrbench.errors import BadValue
    from inrbench.planning import device

    monkeypatch.setattr(device, "DRIVER", tmp_path / "none")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.2")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    change(monkeypatch, tmp_path)
    with pytest.raises(BadValue) as error:
        device.resolve_device("cuda")
    assert str(error.value) == f"--device cuda: torch sees no GPU here: {reason}; use --device cpu"


def test_a_driver_that_is_too_old_is_named(monkeypatch, tmp_path):
    import warnings

    from inrbench.planning import device

    file = tmp_path / "version"
    file.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  525.85.12  Sat Jan 28 02:10:06 UTC 2023")
    monkeypatch.setattr(device, "DRIVER", file)
    monkeypatch.setattr(torch.version, "cuda", "13.2")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def available() -> bool:
        warnings.warn(
            "CUDA initialization: The NVIDIA driver on your system is too old (found version 12000).\nmore",
            UserWarning,
            stacklevel=1,
        )
        return False

    monkeypatch.setattr(torch.cuda, "is_available", available)
    assert device.why_no_gpu().startswith("driver 525.85.12: CUDA initialization: The NVIDIA driver on your system is too old")


def test_a_gpu_that_does_not_exist_is_refused(monkeypatch):
    from inrbench.errors import BadValue
    from inrbench.planning import resolve_device

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cuda:1") == "cuda:1"
    with pytest.raises(BadValue, match=r"--device cuda:7: torch sees 2 GPU\(s\) here, the last one is cuda:1"):
        resolve_device("cuda:7")


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


def test_an_error_of_the_device_is_not_replaced_by_the_clock(monkeypatch):
    def failed(device: torch.device) -> None:
        raise RuntimeError("the device has failed before")

    def block() -> None:
        with Clock(CUDA)("train"):
            monkeypatch.setattr(torch.cuda, "synchronize", failed)
            raise ValueError("the first error")

    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    with pytest.raises(ValueError, match="the first error"):
        block()
