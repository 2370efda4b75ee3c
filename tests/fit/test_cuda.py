"""What runs do on a GPU, checked without one: with a fake allocator, fake devices, and torch's own counters."""

import os
import subprocess
import sys
import warnings
from contextlib import contextmanager

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from inrbench.errors import InrbenchError
from inrbench.fit import Clock, FastStep, MemoryMeter, Predictor, compiling, fit, fp32_backend, fp32_settings, restore_fp32
from inrbench.fit.batch_stream import BatchStream
from inrbench.fit.matmul import matmul_error
from inrbench.fit.optimise import Updates
from inrbench.fit.step import load_kernels, make_step
from inrbench.problems import Regression
from inrbench.registry import Registry
from inrbench.spec import OPTIMISERS, NetworkSpec, Protocol

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


class WatchedMeter(MemoryMeter):
    """A meter that knows whether it is paused."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.is_paused = False

    @contextmanager
    def paused(self):
        self.is_paused = True
        with super().paused():
            yield
        self.is_paused = False


def test_memory_of_warming_up_counts_and_memory_of_compiling_and_evaluation_does_not(monkeypatch):
    """Warming up records the CUDA graphs, whose memory is that of a step; evaluation may need more than a step."""
    meter, seen = WatchedMeter(CPU), []

    class Evaluated:
        def primary(self, predict, remember=True):
            seen.append(("evaluate", meter.is_paused))
            return 0.0

        def measure(self, predict):
            return []

    for name in ("prepare", "warm_up", "__call__"):
        original = getattr(FastStep, name)

        def watched(step, *args, name=name, original=original):
            seen.append((name, meter.is_paused))
            return original(step, *args)

        monkeypatch.setattr(FastStep, name, watched)
    changes = {"name": "t", "width": 16, "n_layers": 2, "epochs": 3, "lr": 1e-3, "lr_min": 1e-3, "metrics": ("x",)}
    fit(
        network(), problem(), Protocol(**changes), evaluator=Evaluated(), device=CPU, data_seed=0, clock=Clock(CPU), meter=meter
    )
    assert list(dict.fromkeys(seen)) == [("prepare", True), ("warm_up", False), ("__call__", False), ("evaluate", True)]


# graphs


def network(name: str = "siren", width: int = 16) -> nn.Module:
    torch.manual_seed(0)
    return REGISTRY.method(name)(NetworkSpec(in_features=2, out_features=3, width=width, n_layers=2))


def problem(points: int = 64) -> Regression:
    x = torch.rand(points, 2, generator=torch.Generator().manual_seed(0))
    return Regression(x, torch.zeros(points, 3), None, None)


@pytest.mark.slow
def test_no_run_falls_back_to_eager_because_of_how_many_ran_before_it(monkeypatch):
    monkeypatch.setattr(compiling, "MAX_GRAPHS", 4)
    monkeypatch.setattr(compiling, "GRAPHS_PER_RUN", 2)
    notes = []
    for width in range(8, 8 + 6):
        step = FastStep(network(width=width), problem(), "compiled")
        step.prepare()
        notes.append((step.facts().compiled, step.facts().note))
    assert set(notes) == {(True, None)}


def test_torch_s_recommendation_of_tf32_is_not_printed():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiling._configure("cuda")
        warnings.warn("TensorFloat32 tensor cores for float32 matrix multiplication available but not enabled.", stacklevel=1)


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


class OnCpu(TorchFunctionMode):
    """Create tensors on the CPU where the code asks for a GPU."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if kwargs.get("device") == CUDA:
            kwargs["device"] = CPU
        return func(*args, **kwargs)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_kernels_of_the_optimiser_are_loaded_before_the_first_step(name, monkeypatch):
    """torch loads the code of a kernel when it is first used, which would be in the first step."""
    taken = []
    step = Updates.step
    monkeypatch.setattr(Updates, "step", lambda self, *args: taken.append((self.optimiser, self.fused)) or step(self, *args))
    net, optimiser = network(), OPTIMISERS[name]()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    random = torch.get_rng_state()
    updates = Updates(net, optimiser, fused=False)
    with OnCpu():
        load_kernels(CUDA, problem(), updates)
    kinds = [type(updates.optimiser)] * (2 if name == "adam-lbfgs" else 1)  # a step of each of the two
    assert [(type(optimiser), fused) for optimiser, fused in taken] == [(kind, updates.fused) for kind in kinds]
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_both_engines_load_kernels_before_the_clock_of_training_starts(engine, monkeypatch):
    loaded = []
    monkeypatch.setattr("inrbench.fit.step.load_kernels", lambda device, fitted, updates: loaded.append(updates))
    protocol = Protocol(name="t", width=16, n_layers=2, epochs=3, lr=1e-3, lr_min=1e-3, metrics=("x",))
    step = make_step(engine, network(), problem(), protocol, 3)
    step.prepare()
    assert loaded == [step.updates]


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


# shapes and equations on a GPU


def test_tensors_are_moved_to_a_gpu_in_one_piece_with_the_same_bits():
    from inrbench.problems.chunks import packed, unpacked

    tensors = [torch.randn(5, 2), torch.randn(5, 1), torch.randn(3, 2), torch.randn(0, 1)]
    found = unpacked(packed(tensors), [tensor.shape for tensor in tensors])
    assert all(torch.equal(a, b) for a, b in zip(tensors, found, strict=True))


def test_a_gpu_gets_the_points_of_a_step_in_one_copy_without_waiting(monkeypatch):
    from inrbench.problems.chunks import move_together

    copies = []

    def record(tensor, *args, **kwargs):
        copies.append((args, kwargs))
        return tensor

    tensors = (torch.randn(5, 2), torch.randn(3, 1))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    monkeypatch.setattr(torch.Tensor, "to", record)
    found = move_together(tensors, CUDA)
    assert copies == [((CUDA,), {"non_blocking": True})]
    assert all(torch.equal(a, b) for a, b in zip(tensors, found, strict=True))


class LargestOnCpu(TorchDispatchMode):
    """Record the largest number of elements of a result on the CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.device.type == "cpu":
            self.size = max(self.size, result.numel())
        return result


def test_coordinates_of_voxels_are_computed_on_the_device():
    from inrbench.problems import Grid

    grid = Grid((4, 3, 5), (-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
    with LargestOnCpu() as largest:
        assert grid.coordinates(slice(7, 19), torch.device("meta")).device.type == "meta"
    assert largest.size == max(grid.shape), "only the axes"
    assert torch.equal(grid.coordinates(slice(7, 19), CPU), grid.coordinates(slice(7, 19)))


@pytest.mark.parametrize("scoring", ["final", "official"])
def test_voxels_are_compared_on_the_device(tiny_jobs, monkeypatch, scoring):
    """The learning curve compares all voxels thirty times: only counts are fetched, not the field."""
    changes = {"epochs": "2", "width": "8", "resolution": "12", "batch": "500", "scoring": scoring}
    (job,) = tiny_jobs(tasks="occupancy", signals="gyroid", changes=changes)
    fitted = REGISTRY.task("occupancy").problem("gyroid", job.protocol, 0)
    torch.manual_seed(0)
    net = REGISTRY.method("siren")(NetworkSpec(in_features=3, out_features=1, width=8, n_layers=2))
    predict = Predictor(net, CPU)

    def scores(function) -> list[object]:
        outputs = fitted.evaluation.outputs(function)
        return [outputs[name] for name in ("grid_overlap", "fitted_mse")]

    fetched = scores(predict.__call__)
    monkeypatch.setattr(Predictor, "__call__", lambda self, x: pytest.fail("the field was fetched"))
    assert scores(predict) == fetched
    fitted.to(torch.device("meta"))
    assert fitted.evaluation.true_field(slice(0, 5)).device.type == "meta"


class WaitCounter(TorchDispatchMode):
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
        other = REGISTRY.method("relu")(NetworkSpec(in_features=3, out_features=1, width=8, n_layers=2))
        for batch in fitted.batches(torch.Generator().manual_seed(0)):
            fitted.loss(net, batch, torch.tensor(1 / 500))
            if probing:  # with another network, whose outputs would be seen in the score
                with fitted.without_recording():
                    fitted.loss(other, batch, torch.tensor(1 / 500))
        assert fitted.training_state()["seen"] == fitted.n_points
        overlaps.append(fitted.evaluation.training_overlap())
    assert overlaps[0] == overlaps[1]
    assert overlaps[0].either > 0


# errors


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
