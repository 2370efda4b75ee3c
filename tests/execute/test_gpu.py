"""Tests that need a GPU. ``pytest -m gpu tests/execute/test_gpu.py``, as ``benchmarks/gpu_campaign.py`` does."""

from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from inrbench.cli.main import cli
from inrbench.errors import BadValue
from inrbench.execute.worker import execute
from inrbench.fit import FastStep, ReferenceStep
from inrbench.fit.batch_stream import BatchStream
from inrbench.fit.matmul import FP32_TOLERANCE, matmul_error
from inrbench.problems import Regression
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec
from inrbench.store import read_runs

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
CUDA = torch.device("cuda:0")
REGISTRY = Registry()
METHODS = sorted(name for name in set(REGISTRY.methods) - {"gp-hm-stm"} if not REGISTRY.method(name).closed_form)
"""Methods that are trained in steps. The others fit themselves or are solved."""
MODES = ("eager", "compiled", "cuda_graph")
STEPS = 50


def network(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    method = REGISTRY.method(name)
    net = NetworkSpec(in_features=2, out_features=3, width=64, n_layers=4)
    return method(net, **method.params_for("photo", "image", "camera")).to(CUDA)


def problem(points: int = 4096, dtype: torch.dtype = torch.float32) -> Regression:
    x = 2 * torch.rand(points, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    values = torch.stack((torch.sin(9 * x[:, 0]), torch.cos(5 * x[:, 1]), x.prod(1)), dim=1)
    made = Regression(x.to(dtype), values.to(dtype), None, None)
    made.to(CUDA)
    return made


def gradient(name: str, mode: str | None) -> torch.Tensor:
    """Return the gradient at the initial weights in float64; ``mode`` None computes it in float64."""
    dtype = torch.float64 if mode is None else torch.float32
    net, fitted = network(name).to(dtype), problem(dtype=dtype)
    batch, weight = (fitted.coordinates, fitted.values), torch.tensor(1 / fitted.n_points, device=CUDA, dtype=dtype)
    if mode is None:
        fitted.loss(net, batch, weight).backward()
    else:
        step = FastStep(net, fitted, mode)
        step.prepare()
        step.warm_up()
        step.loss(batch, weight).backward()
        assert step.facts().compiled == (mode != "eager"), step.facts().note
    return torch.cat([p.grad.double().ravel() for p in net.parameters() if p.grad is not None])


@pytest.mark.parametrize("name", METHODS)
def test_gradients_are_as_accurate_as_those_of_a_plain_step(name):
    exact = gradient(name, None)
    errors = {mode: float((gradient(name, mode) - exact).norm() / exact.norm()) for mode in MODES}
    assert max(errors.values()) <= 5 * errors["eager"] + 1e-6, errors


@pytest.mark.parametrize("name", ["siren", "msa", "wire", "finer", "staf"])
def test_fifty_graphed_steps_equal_fifty_eager_ones(name):
    weights = []
    for mode in ("eager", "cuda_graph"):
        net, fitted = network(name), problem()
        step = FastStep(net, fitted, mode)
        step.prepare()
        step.warm_up()
        batch = (fitted.coordinates, fitted.values)
        losses = [step(batch, 1e-4) for _ in range(STEPS)]
        weights.append(torch.stack(losses).double())
    assert torch.allclose(*weights, rtol=1e-3), (weights[0] - weights[1]).abs().max()


def test_no_cuda_graph_is_skipped():
    step = FastStep(network("siren"), problem(), "cuda_graph")
    step.prepare()
    step.warm_up()
    assert step.facts().note == "CUDA graphs"


@pytest.mark.parametrize("mode", MODES)
def test_steps_do_not_wait(mode):
    net, fitted = network("siren"), problem()
    step = FastStep(net, fitted, mode)
    step.prepare()
    step.warm_up()
    stream = BatchStream(fitted, torch.Generator().manual_seed(0))
    step(next(stream), 1e-4)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(10):
            step(next(stream), 1e-4)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_products_have_the_accuracy_of_float32():
    assert matmul_error(CUDA) < FP32_TOLERANCE
    assert ReferenceStep(network("siren"), problem()).facts().backend.error < FP32_TOLERANCE


def rows_of(jobs, settings) -> list[dict]:
    for job in jobs:
        assert execute(job, settings).status == "ok"
    rows = {row["run_id"]: row for row in read_runs(settings.results).table.to_pylist()}
    return [rows[job.spec.run_id] for job in jobs]


@pytest.mark.parametrize("method", ["msa", "siren", "wire", "finer", "staf"])
def test_gpu_runs_agree_with_cpu_runs_and_record_the_gpu(tiny_jobs, settings, method):
    values = [execute(job, settings).primary for d in ("cpu", "cuda:0") for job in tiny_jobs(methods=method, device=d)]
    assert values[0] == pytest.approx(values[1], rel=0.05)
    row = next(row for row in read_runs(settings.results).table.to_pylist() if row["device_class"] == "cuda")
    assert row["gpu_peak_reserved_bytes"] >= row["gpu_peak_allocated_bytes"] > 0
    assert row["device_name"] == torch.cuda.get_device_name(0)
    assert (row["gpu_shared"], row["tf32"]) == (False, False)
    assert row["matmul_error"] < FP32_TOLERANCE


def test_the_peak_is_the_same_for_two_seeds_and_with_probes(tiny_jobs, settings):
    changes = {"epochs": "30", "width": "64", "max_pixels": "16384"}
    jobs = tiny_jobs(tasks="photo", signals="camera", device="cuda:0", changes=changes, seeds=(0, 1))
    probed = [replace(jobs[0], probes=("gradients",))]
    first, second = rows_of(jobs, settings)
    (third,) = rows_of(probed, replace(settings, results=settings.results / "probed"))
    peaks = [row["gpu_peak_allocated_bytes"] for row in (first, second, third)]
    assert max(peaks) <= 1.05 * min(peaks), peaks


def test_the_first_run_of_a_process_does_not_pay_for_the_workspaces_of_its_libraries(tmp_path):
    """On an H200 the first run of a worker once had 65 MiB more than the others, the buffers of its matrix products."""
    words = ["run", "--methods", "siren", "--tasks", "photo", "--signals", "camera", "--seeds", "2", "--device", "cuda"]
    words += ["--set", "epochs=30,width=64", "--results", str(tmp_path), "--artifacts", "none"]
    assert CliRunner().invoke(cli, words, standalone_mode=False).return_value == 0
    peaks = [row["gpu_peak_allocated_bytes"] for row in read_runs(tmp_path).table.to_pylist()]
    assert len(peaks) == 2 and max(peaks) <= 1.05 * min(peaks), peaks


def test_a_run_after_one_without_memory_is_right(tiny_jobs, settings):
    changes = {"epochs": "3", "width": "256", "batch": "none"}
    (job,) = tiny_jobs(tasks="photo", signals="camera", device="cuda:0", changes=changes)
    torch.cuda.set_per_process_memory_fraction(1e-4, 0)
    try:
        assert execute(job, settings).status == "oom"
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, 0)
    assert execute(job, replace(settings, results=settings.results / "after")).status == "ok"


def test_a_gpu_that_does_not_exist_is_refused_and_the_last_one_works(tiny_jobs, settings):
    from inrbench.planning import resolve_device

    last = torch.cuda.device_count() - 1
    with pytest.raises(BadValue, match="the last one is"):
        resolve_device(f"cuda:{last + 1}")
    (job,) = tiny_jobs(device=f"cuda:{last}")
    assert execute(job, settings).status == "ok"


def test_profile_measures_all_variants():
    from inrbench.profiling import random_regression, time_steps

    timing = time_steps(lambda: network("siren").cpu(), random_regression(4096, 2, 3), CUDA, rounds=2, mode="cuda_graph")
    assert timing.facts.note == "CUDA graphs"
    assert all(min(seconds) > 0 for seconds in timing.rounds.values())
    assert timing.peaks["fast"] > 0
