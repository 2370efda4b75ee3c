"""The two engines give the same results, and the fast one has fallbacks."""

import contextlib
import logging
import subprocess
import sys
from functools import partial

import pytest
import torch
from torch import nn

from inrbench.fit import FastStep, OpCount, ReferenceStep, count_ops, fp32_backend, step
from inrbench.fit.compiling import choose_step_mode, compile_options
from inrbench.fit.matmul import (
    FP32_TOLERANCE,
    MatmulBackend,
    default_cpu_backend,
    fastest_cpu_backend,
    use_backend,
)
from inrbench.problems import Regression
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec, Protocol

REGISTRY = Registry()
METHODS = sorted(name for name in set(REGISTRY.methods) - {"gp-hm-stm"} if not REGISTRY.method(name).closed_form)
"""Methods that are trained in steps. The others fit themselves or are solved."""
POINTS = 3000
PROTOCOL = Protocol(name="t", width=48, n_layers=4, epochs=10, lr=1e-3, lr_min=1e-4, metrics=("x",))


def problem(points: int = POINTS, dtype: torch.dtype = torch.float32, batch: int | None = None) -> Regression:
    x = torch.rand(points, 2, generator=torch.Generator().manual_seed(0)).to(dtype)
    values = torch.stack((torch.sin(9 * x[:, 0]), torch.cos(5 * x[:, 1]), x.prod(1)), dim=1)
    return Regression(x, values, batch, None)


def network(name: str, dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(0)
    method = REGISTRY.method(name)
    net = NetworkSpec(in_features=2, out_features=3, width=48, n_layers=4)
    return method(net, **method.params_for("photo", "image", "astronaut")).to(dtype)


def gradient(name: str, how: str) -> torch.Tensor:
    """Return the gradient at initialisation as one vector in float64."""
    dtype = torch.float64 if how == "exact" else torch.float32
    net, fitted = network(name, dtype), problem(dtype=dtype)
    batch = (fitted.coordinates, fitted.values)
    if how in ("exact", "reference"):
        fitted.loss(net, batch, step.point_weight(batch)).backward()
    else:
        fast = FastStep(net, fitted, "compiled" if how == "compiled" else "eager")
        with use_backend(fast.backend):
            for chunk in step.equal_chunks(batch, 1024):
                fast.loss(chunk, step.point_weight(batch)).backward()
    return torch.cat([p.grad.double().ravel() for p in net.parameters()])


@pytest.mark.parametrize("name", METHODS)
def test_the_fast_gradient_is_as_accurate_as_the_reference(name):
    exact, reference, fast = (gradient(name, how) for how in ("exact", "reference", "fast"))
    reference_error, fast_error = ((g - exact).norm() / exact.norm() for g in (reference, fast))
    assert fast_error <= 5 * reference_error + 1e-7


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_the_compiled_gradient_is_as_accurate_as_the_reference(name):
    exact, reference, fast = (gradient(name, how) for how in ("exact", "reference", "compiled"))
    reference_error, fast_error = ((g - exact).norm() / exact.norm() for g in (reference, fast))
    assert fast_error <= 5 * reference_error + 1e-7


def losses(name: str, engine: str, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    fitted, net = problem(dtype=dtype), network(name, dtype)
    take = ReferenceStep(net, fitted) if engine == "reference" else FastStep(net, fitted, "eager")
    return torch.stack([take((fitted.coordinates, fitted.values), 1e-4) for _ in range(20)]).double()


CHAOTIC = {"wire", "fr"}
"""These amplify rounding errors in any engine: wire within a few steps; fr because Adam normalises thousands of gradients that
are almost zero, so that rounding decides their direction. Their gradients are compared with float64 above."""


@pytest.mark.parametrize("name", [name for name in METHODS if name not in CHAOTIC])
def test_losses_of_both_engines_are_equally_close_to_float64(name):
    exact = losses(name, "reference", torch.float64)
    reference_error, fast_error = ((losses(name, engine) - exact).abs().max() / exact.max() for engine in ("reference", "fast"))
    assert fast_error <= 5 * reference_error + 1e-6


def test_a_step_of_each_engine_changes_all_weights():
    for engine in (ReferenceStep, lambda net, fitted: FastStep(net, fitted, "eager")):
        net, fitted = network("siren"), problem()
        before = [p.clone() for p in net.parameters()]
        take = engine(net, fitted)
        take.prepare()
        assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True)), "prepare changes nothing"
        take((fitted.coordinates, fitted.values), 1e-2)
        assert not any(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
        loss = take((fitted.coordinates, fitted.values), 1e-2)
        assert loss.requires_grad is False


def test_the_gradient_of_chunks_equals_the_full_gradient():
    fitted, whole, parts = problem(1000), network("siren"), network("siren")
    batch = (fitted.coordinates, fitted.values)
    losses = [step.accumulate(partial(fitted.loss, net), batch, most).item() for net, most in ((whole, 1000), (parts, 33))]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-4, atol=1e-6)


def test_a_network_with_complex_parameters_can_be_fitted():
    class Complex(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(2, 8), nn.Linear(8, 3, dtype=torch.cfloat)

        def forward(self, x):
            return self.last(torch.exp(1j * self.first(x))).real

    fitted, net = problem(100), Complex()
    take = FastStep(net, fitted, "eager")
    first, *_, last = (take((fitted.coordinates, fitted.values), 1e-2).item() for _ in range(30))
    assert last < first


@pytest.mark.parametrize(("points", "batch", "most", "sizes"), [
    (1024, None, 2048, [1024]), (4096, None, 2048, [2048]), (5000, None, 2048, [1667, 1666]), (5000, 2000, 2048, [2000, 1000]),
])  # fmt: skip
def test_chunks_have_few_sizes(points, batch, most, sizes):
    assert step.chunk_sizes(problem(points, batch=batch), most) == sizes


def test_the_fastest_matmul_backend_has_fp32_accuracy():
    backend = fp32_backend(torch.device("cpu"), fast=True)
    assert backend.name in ("onednn", "default")
    assert 0 < backend.error < FP32_TOLERANCE


def test_a_matmul_backend_with_bf16_accuracy_is_not_used(monkeypatch):
    caches = (fastest_cpu_backend, default_cpu_backend)
    for cache in caches:
        cache.cache_clear()
    errors = iter([3e-3, 2e-7])  # what bf16 would give, then fp32
    monkeypatch.setattr("inrbench.fit.matmul.matmul_error", lambda device: next(errors))
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert fastest_cpu_backend() == MatmulBackend("default", 2e-7)
    for cache in caches:
        cache.cache_clear()


def test_use_backend_restores_the_previous_precision():
    before = torch.backends.mkldnn.matmul.fp32_precision
    seen = []
    with contextlib.suppress(KeyError), use_backend(MatmulBackend("onednn", 0.0)):
        seen.append(torch.backends.mkldnn.matmul.fp32_precision)
        raise KeyError
    assert seen == ["bf16"]
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_compiling_depends_on_the_amount_of_work():
    net, fitted = network("siren"), problem()
    work = count_ops(net, fitted)
    assert choose_step_mode("cpu", work, POINTS, chunks=2, steps=10) == "eager"
    assert choose_step_mode("cpu", work, POINTS, chunks=2, steps=10_000_000) == "compiled"
    facts = step.make_step("fast", net, fitted, PROTOCOL, 10).facts()
    assert (facts.compiled, facts.graphs, facts.note) == (False, 0, "eager: compiling would take longer than it saves")


SMALL, LARGE = OpCount(flops=8e5, elements=3e3, calls=90), OpCount(flops=3e6, elements=1e4, calls=90)


@pytest.mark.parametrize(("work", "batch", "chunks", "steps", "mode"), [
    (SMALL, 1024, 1, 20_000, "eager"),  # saves half a millisecond per step: 10 s
    (SMALL, 1024, 1, 50_000, "cuda_graph"),  # a step of a PDE or of a 1D function is dominated by launches
    (SMALL, 131_072, 2, 5_000_000, "compiled"),
    (LARGE, 393_216, 6, 10_000, "compiled"),  # a Kodak image keeps the GPU busy: 629 MB per pass
    (LARGE, 393_216, 6, 10, "eager"),
])  # fmt: skip
def test_gpu_step_mode_depends_on_the_size_of_the_step(work, batch, chunks, steps, mode):
    assert choose_step_mode("cuda", work, batch, chunks, steps) == mode


def test_cuda_graph_mode_marks_each_step_and_is_noted(monkeypatch):
    from torch._dynamo.utils import counters

    compile_options_used, marks, recorded = [], [], 1

    def compile_as_is(function, **options):
        compile_options_used.append(options)
        return function

    monkeypatch.setattr(torch, "compile", compile_as_is)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: marks.append(1))
    net, fitted = network("siren"), problem()
    take = FastStep(net, fitted, "cuda_graph")
    monkeypatch.setattr("inrbench.fit.compiling._recorded_cuda_graphs", lambda network: recorded)
    for _ in range(3):
        take((fitted.coordinates, fitted.values), 1e-3)
    assert compile_options_used == [compile_options("cuda_graph")] == [{"dynamic": False, "mode": "reduce-overhead"}]
    assert len(marks) == 3 * len(step.equal_chunks((fitted.coordinates,), take.chunk_points))
    assert (take.facts().compiled, take.facts().note) == (True, "CUDA graphs")
    recorded = 0
    assert take.facts().note == "compiled: no CUDA graph was recorded"
    counters["inductor"]["cudagraph_skips"] += 2
    assert take.facts().note == "compiled: CUDA graphs were skipped 2 time(s)"


def test_out_of_memory_is_not_treated_as_a_compile_failure(monkeypatch):
    def refuse(function, **options):
        def call(*args):
            raise torch.OutOfMemoryError("CUDA out of memory")

        return call

    monkeypatch.setattr(torch, "compile", refuse)
    net, fitted = network("siren"), problem()
    with pytest.raises(torch.OutOfMemoryError):
        FastStep(net, fitted, "compiled").prepare()


def test_a_compile_failure_falls_back_to_eager_mode_with_a_note(monkeypatch, caplog):
    def refuse(function, **options):
        def call(*args):
            raise RuntimeError("no C++ compiler found\nlong story")

        return call

    monkeypatch.setattr(torch, "compile", refuse)
    net, fitted = network("siren"), problem()
    take = FastStep(net, fitted, "compiled")
    with caplog.at_level(logging.WARNING):
        take.prepare()
    assert take((fitted.coordinates, fitted.values), 1e-3).isfinite()
    assert take.facts().note == "eager: compiling failed with RuntimeError: no C++ compiler found"
    assert not take.facts().compiled
    assert "no C++ compiler" in caplog.text


RECOMPILE = """
import torch
from inrbench.fit import compiling, FastStep
from inrbench.problems import Regression
compiling.MAX_GRAPHS = 2
x = torch.rand(40, 1)
net = torch.nn.Linear(1, 1)
take = FastStep(net, Regression(x, x, None, None), "compiled")
for n in (40, 20, 10, 5):
    take((x[:n], x[:n]), 1e-3)
facts = take.facts()
print(facts.compiled, facts.graphs, facts.note)
"""


@pytest.mark.slow
def test_reaching_the_recompile_limit_falls_back_to_eager_with_a_note():
    printed = subprocess.check_output([sys.executable, "-W", "ignore", "-c", RECOMPILE], text=True, stderr=subprocess.DEVNULL)
    assert printed.startswith("False 2 eager: compiling failed with FailOnRecompileLimitHit")


SHARED = """
import torch
from inrbench.fit import FastStep
from inrbench.problems import Regression
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec, Protocol
x = torch.rand(100, 2)
graphs = []
for name in ("siren", "siren", "msa", "siren"):
    net = Registry().method(name)(NetworkSpec(in_features=2, out_features=2, width=16, n_layers=4))
    take = FastStep(net, Regression(x, x, None, None), "compiled")
    take.prepare()
    take((x, x), 1e-3)
    graphs.append(take.facts().graphs)
print(graphs)
"""


@pytest.mark.slow
def test_runs_of_the_same_shape_share_compiled_code():
    printed = subprocess.check_output([sys.executable, "-W", "ignore", "-c", SHARED], text=True, stderr=subprocess.DEVNULL)
    assert printed == "[1, 0, 1, 0]\n"


MEMORY = """
import sys, torch
from inrbench.fit import FastStep, MemoryMeter, ReferenceStep
from inrbench.problems import Regression
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec, Protocol
n, engine = int(sys.argv[1]), sys.argv[2]
problem = Regression(torch.rand(n, 2), torch.rand(n, 3), None, None)
net = Registry().method("msa")(NetworkSpec(in_features=2, out_features=3, width=128, n_layers=4))
step = ReferenceStep(net, problem) if engine == "reference" else FastStep(net, problem, "eager")
step((problem.coordinates, problem.values), 1e-3)
meter = MemoryMeter(torch.device("cpu"))
step((problem.coordinates, problem.values), 1e-3)
print(meter.host_peak_bytes())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the high-water mark")
@pytest.mark.slow
def test_fast_engine_memory_is_small_and_independent_of_the_image_size():
    peaks = [
        int(subprocess.check_output([sys.executable, "-c", MEMORY, str(n), engine], text=True))
        for n, engine in ((65_536, "reference"), (65_536, "fast"), (393_216, "fast"))
    ]
    assert peaks[1] < 0.1 * peaks[0]
    assert peaks[2] < peaks[1] + 20e6


def test_trials_of_a_search_are_compiled_earlier_and_other_runs_keep_their_rounding():
    task = Registry().task("poisson2d")
    fitted = task.problem("sin1sin3", task.protocols["standard"], 0)
    modes = {
        trial: [step.step_mode_of(fitted, 64, 4, torch.device("cpu"), steps, trial=trial) for steps in (625, 2500, 10_000)]
        for trial in (False, True)
    }
    assert modes == {False: ["eager", "eager", "compiled"], True: ["compiled", "compiled", "compiled"]}
    task = Registry().task("photo")
    fitted = task.problem("coffee", task.protocols["standard"], 0)
    trials = [step.step_mode_of(fitted, 100, 4, torch.device("cpu"), steps, trial=True) for steps in (94, 375, 1500)]
    assert trials == ["eager", "compiled", "compiled"], "the trials of a setting share the compiled code"
