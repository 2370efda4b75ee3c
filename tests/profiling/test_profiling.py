import json
import math
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from inrbench.cli.main import cli
from inrbench.fit.matmul import MatmulBackend
from inrbench.fit.step import FastStep, StepFacts
from inrbench.problems import Regression, benchmark_equation
from inrbench.profiling.timing import StepTiming, _matrix_products, random_regression, time_steps
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec

CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")
AS_PUBLISHED = str(Path(__file__).parents[2] / "benchmarks" / "official_steps.py")
FACTS = StepFacts("fast", False, 0, None, 2048, MatmulBackend("default", 1e-7))


def small() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 3))


def test_ratios_are_computed_within_rounds():
    """The machine is ten times slower in the second round; the ratios are the same."""
    timing = StepTiming({"reference": [4.0, 40.0, 4.0], "fast": [2.0, 20.0, 1.0], "limit": [1.0, 10.0, 0.5]}, 100, {}, FACTS)
    assert (timing.fast_to_reference, timing.fast_to_official, timing.fast_to_limit) == (0.5, None, 2.0)
    assert timing.matmul_share == 0.5
    assert timing.points_per_second == 50


def test_timing_has_all_rounds_of_all_parts():
    timing = time_steps(small, random_regression(300, 2, 3), CPU, rounds=3, mode="eager", official=small)
    assert set(timing.rounds) == {"reference", "fast", "official", "limit"}
    assert set(timing.peaks) == {"reference", "fast", "official"}
    assert timing.fast_to_official > 0
    assert all(len(values) == 3 and min(values) > 0 for values in timing.rounds.values())
    assert timing.points == 300
    assert timing.facts.backend.error < 2e-6


@pytest.mark.parametrize("equation", ["poisson", "advection"])
def test_timing_of_an_equation_has_positive_rounds(equation):
    timing = time_steps(lambda: Registry().method("pinn")(NetworkSpec(in_features=2, out_features=1, width=8, n_layers=2)),
                      benchmark_equation(equation, 64), CPU, rounds=2, mode="eager")  # fmt: skip
    assert timing.points == 64
    assert all(min(values) > 0 for values in timing.rounds.values())


def test_limit_of_an_equation_step_does_not_use_the_reference_loss(monkeypatch):
    problem = benchmark_equation("poisson", 64)
    network = Registry().method("pinn")(NetworkSpec(in_features=2, out_features=1, width=8, n_layers=2))

    def reference_loss(*_: object) -> None:
        raise AssertionError("the limit must not use the reference loss")

    monkeypatch.setattr(problem, "loss", reference_loss)
    _matrix_products(network, problem, problem.example(64), FastStep(network, problem, "eager"))()


def test_limit_consists_of_the_matrix_products_of_the_step():
    x, y = torch.rand(50, 2), torch.rand(50, 3)
    problem, network = Regression(x, y, None, None), small()
    seen = []
    original = torch.mm

    def spy(a, b):
        seen.append((tuple(a.shape), tuple(b.shape)))
        return original(a, b)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "mm", spy)
        _matrix_products(network, problem, (x, y), FastStep(network, problem, "eager"))()
    # forward twice, weight gradients twice, and the one input gradient that is needed
    assert sorted(seen) == sorted([
        ((50, 2), (2, 16)), ((50, 16), (16, 3)), ((3, 50), (50, 16)), ((16, 50), (50, 2)), ((50, 3), (3, 16)),
    ])  # fmt: skip


@pytest.mark.slow
def test_profile_command_prints_timings_and_stores_rounds(tmp_path):
    words = ["profile", "--methods", "siren,msa[s_max=3.0]", "--official", AS_PUBLISHED, "--shape", "4x16", "--points", "64", "--rounds", "2", "--device", "cpu",
             "--results", str(tmp_path)]  # fmt: skip
    import pyarrow.parquet as pq

    for style in ("plain", "markdown", "json"):
        done = CliRunner().invoke(cli, [*words, "--format", style], standalone_mode=False)
        assert done.exception is None, done.output
        assert "siren" in done.output
        assert "msa[s_max=3.0]" in done.output
    timing = json.loads(done.stdout)["timings"]["siren"]
    assert len(timing["rounds"]["fast"]) == 2
    assert timing["facts"]["compiled"] is True
    files = list((tmp_path / "store" / "profiles").glob("*.parquet"))
    assert len(files) == 6
    rows = pq.read_table(files[0]).to_pylist()
    assert {(row["part"], row["round"]) for row in rows} == {
        (part, n) for part in ("reference", "fast", "official", "limit") for n in (0, 1)
    }
    assert rows[0]["points"] == 64


@pytest.mark.parametrize("shape", ["4", "4x", "0x8", "4x400x2", "axb"])
def test_invalid_shape_is_refused(shape):
    done = CliRunner().invoke(cli, ["profile", "--shape", shape], standalone_mode=False)
    assert f"--shape {shape}: write layers x width" in str(done.exception)


def test_a_profile_on_a_gpu_times_many_steps_between_two_synchronisations(monkeypatch):
    from inrbench.profiling import timing

    monkeypatch.setattr(timing, "_synchronise", lambda device: None)
    monkeypatch.setattr(timing, "GPU_WARM_UP_SECONDS", 0.01)
    now, calls = [0.0], []

    def step():
        calls.append(1)
        now[0] += 2.0**-10  # seconds, of a clock that no other work of the machine can delay

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    assert timing._repeats(step, CUDA) == math.ceil(timing.GPU_SECONDS * 2**10)
    assert len(calls) > 3, "it is warmed up"
    assert timing._repeats(lambda: None, CPU) == 1


@pytest.mark.parametrize(
    ("points", "steps", "mode"), [(1024, 60_000, "cuda_graph"), (1024, 10, "eager"), (400_000, 20_000, "compiled")]
)
def test_a_profile_on_a_gpu_measures_what_runs_do(monkeypatch, points, steps, mode):
    from inrbench.fit import step
    from inrbench.profiling import profiled_step_mode, random_regression

    counted = step.count_usual_ops
    monkeypatch.setattr(
        step, "count_usual_ops", lambda problem, width, n_layers, device: counted(problem, width, n_layers, CPU)
    )
    assert profiled_step_mode(random_regression(points, 2, 3), 256, 4, CUDA, steps) == mode
