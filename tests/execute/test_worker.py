"""A single run, executed in this process."""

import json
from dataclasses import replace

import helpers
import numpy as np
import pytest
import torch
from PIL import Image

from inrbench.data import read_image, require_file
from inrbench.errors import NothingFound
from inrbench.execute import worker
from inrbench.execute.loading import load_run
from inrbench.execute.worker import execute, status_of
from inrbench.fit import Predictor
from inrbench.registry import Registry
from inrbench.store import artifact_files, read_runs, stored_run

PLUGIN = '''
"""act: {text}"""
import os, sys, torch
from torch import nn
from inrbench import CoordinateMLP, register_method

class Act(nn.Module):
    calls = 0
    def forward(self, z):
        Act.calls += 1
        {forward}
        return z

@register_method("act")
def act(net, *, power: int = 2):
    {build}
    return CoordinateMLP(net, lambda i: Act())
'''


def write_plugin(folder, forward: str = "pass", build: str = "pass"):
    path = folder / "act.py"
    path.write_text(PLUGIN.format(text="for tests", forward=forward, build=build))
    return str(path)


def stored(settings):
    (row,) = read_runs(settings.results).table.to_pylist()
    return row


def test_a_run_stores_a_complete_row(tiny_jobs, settings):
    (job,) = tiny_jobs(methods="msa")
    ended = execute(job, settings)
    row = stored(settings)
    assert (ended.status, row["status"], row["run_id"]) == ("ok", "ok", job.spec.run_id)
    optional = {
        "engine_note", "error_type", "message", "traceback", "gpu_peak_allocated_bytes", "gpu_peak_reserved_bytes", "gpu_shared",
    }  # fmt: skip
    assert {name for name, value in row.items() if value is None} <= optional
    assert [m["id"] for m in row["metrics"]] == list(job.protocol.metrics)
    assert row["curve"][-1]["step"] == row["steps"] == 4
    assert row["points_seen"] == 4 * 1024
    assert row["n_params"] == 16 + 16 + 3 * (16 * 16 + 16) + 17
    assert row["flops_per_step"] == 1024 * (2 * 2 * 16 + 3 * 2 * 3 * 16 * 16 + 3 * 2 * 16)
    parts = sum(row[f"{part}_seconds"] for part in ("data", "compile", "train", "eval"))
    assert 0 < parts <= row["wall_seconds"]
    assert row["steps_per_second"] == pytest.approx(4 / row["train_seconds"])
    assert json.loads(row["protocol_json"])["width"] == 16
    assert (row["code_commit"], row["code_dirty"], row["torch"]) == ("abc", False, torch.__version__)


def test_trials_of_a_search_have_few_points_of_the_curve_and_the_metrics_of_a_run(tiny_jobs, settings):
    (job,) = tiny_jobs(changes={"epochs": "60", "width": "16"})
    for track in ("paper", "search"):
        execute(replace(job, spec=replace(job.spec, track=track)), settings)
    rows = {row["track"]: row for row in read_runs(settings.results).table.to_pylist()}
    assert len(rows["search"]["curve"]) == 4
    assert 15 < len(rows["paper"]["curve"]) <= 30
    assert rows["search"]["metrics"] == rows["paper"]["metrics"]


def test_equal_seeds_give_equal_results_and_different_seeds_do_not(tiny_jobs, settings):
    values = []
    for seed in (0, 0, 1):
        (job,) = tiny_jobs(seeds=(seed,))
        torch.manual_seed(len(values))  # earlier random state must not matter
        values.append(execute(job, settings).primary)
    assert values[0] == values[1] != values[2]


def test_all_methods_see_the_same_points(tiny_jobs, settings, monkeypatch):

    seen = []
    original = worker.fit

    def spy(network, problem, *rest, **named):
        seen.append(problem.coordinates.clone())
        return original(network, problem, *rest, **named)

    monkeypatch.setattr(worker, "fit", spy)
    for job in tiny_jobs(methods="msa,relu"):
        execute(job, settings)
    assert torch.equal(*seen)


@pytest.mark.parametrize(("forward", "build", "status", "kind", "message"), [
    ("z = z * float('nan') if Act.calls > 24 else z", "pass", "diverged", "Diverged", "not finite at step"),
    ("raise ValueError('bad act')", "pass", "error", "ValueError", "bad act"),
    ("sys.exit(5)", "pass", "error", "SystemExit", "5"),
    ("pass", "raise MemoryError('too large')", "oom", "MemoryError", "too large"),
    ("torch.empty(10**15)", "pass", "oom", "RuntimeError", "memory"),
    ("pass", "from inrbench.errors import NotApplicable; raise NotApplicable('not for this')", "skipped", "NotApplicable", "not for"),
])  # fmt: skip
def test_each_failure_of_a_method_ends_in_its_status(tiny_jobs, settings, tmp_path, forward, build, status, kind, message):
    (job,) = tiny_jobs(methods=write_plugin(tmp_path, forward, build), changes={"epochs": "20", "width": "16"})
    execute(job, settings)
    row = stored(settings)
    assert (row["status"], row["error_type"]) == (status, kind)
    assert message in row["message"]
    assert (row["traceback"] is None) == (status in ("diverged", "skipped"))
    assert row["metrics"] == []
    assert row["plugin_origin"].startswith("file:")


def test_divergence_names_the_step_and_keeps_the_curve(tiny_jobs, settings, tmp_path):
    # 4 layers: 4 calls for the FLOP count, 4 for the warm-up, 4 per step, 4 per evaluation of the metric
    plugin = write_plugin(tmp_path, "z = z * float('inf') if Act.calls > 60 else z")
    (job,) = tiny_jobs(methods=plugin, changes={"epochs": "50", "width": "16"})
    execute(job, settings)
    row = stored(settings)
    step = int(row["message"].split("step ")[1].split()[0])
    assert row["message"] == f"the loss was not finite at step {step} of 50"
    assert row["curve"][-1]["step"] == step - 1
    assert row["n_params"] > 0


@pytest.mark.parametrize("act", [
    "torch.set_default_dtype(torch.float64)", "torch.set_default_device('meta')", "torch.set_grad_enabled(False)",
    "torch.manual_seed(0)", "torch.use_deterministic_algorithms(True)",
])  # fmt: skip
def test_global_changes_by_a_plugin_do_not_affect_the_next_run(tiny_jobs, settings, tmp_path, act):
    (clean,) = tiny_jobs()
    expected = execute(clean, settings).primary
    (careless,) = tiny_jobs(methods=write_plugin(tmp_path, build=act))
    execute(careless, settings)
    try:
        assert execute(clean, settings).primary == expected
        assert (torch.get_default_dtype(), torch.is_grad_enabled()) == (torch.float32, True)
        assert not torch.are_deterministic_algorithms_enabled()
    finally:
        worker._restore_torch_defaults(torch.get_num_threads())


def test_random_numbers_of_a_plugin_are_reproducible(tiny_jobs, settings, tmp_path):
    build = "import random, numpy; Act.share = random.random() + numpy.random.rand()"
    (job,) = tiny_jobs(methods=write_plugin(tmp_path, forward="z = z * Act.share", build=build))
    first, second = execute(job, settings), execute(job, settings)
    assert (first.status, first.message) == ("ok", None)
    assert first.primary == second.primary


def test_a_plugin_edited_after_planning_is_refused(tiny_jobs, settings, tmp_path):
    (job,) = tiny_jobs(methods=write_plugin(tmp_path))
    write_plugin(tmp_path, "z = 2 * z")
    assert "has changed since the run was planned" in execute(job, settings).message


def test_missing_data_skips_the_run_with_the_fetch_command(tiny_jobs, settings, no_data):
    (job,) = tiny_jobs(tasks="kodak", signals="kodim01")
    ended = execute(job, settings)
    assert (ended.status, ended.message) == ("skipped", "data missing, run: inrbench data fetch kodak")
    assert stored(settings)["traceback"] is None


def test_missing_lpips_weights_leave_a_note_and_the_run_succeeds(tiny_jobs, settings, no_data):
    (job,) = tiny_jobs(tasks="photo", signals="camera")
    assert execute(job, settings).status == "ok"
    metrics = {m["id"]: m for m in stored(settings)["metrics"]}
    assert metrics["lpips@alex-v0.1"]["value"] is None
    assert "inrbench data fetch lpips" in metrics["lpips@alex-v0.1"]["note"]
    assert metrics["psnr@clip-float"]["value"] > 0


def test_a_run_stores_its_reconstruction_truth_and_weights(tiny_jobs, settings):
    (job,) = tiny_jobs(tasks="photo", signals="camera")
    ended = execute(job, replace(settings, artifacts="last"))
    assert (ended.status, ended.note) == ("ok", None)
    files = artifact_files(settings.results, stored(settings)["artifacts"])
    assert sorted(files) == ["reconstruction.png", "truth.png", "weights.safetensors"]
    assert read_image(files["reconstruction.png"]).shape == read_image(files["truth.png"]).shape == (128, 128, 1)
    assert ended.artifact_bytes == sum(path.stat().st_size for path in files.values())


def test_all_artifacts_are_stored_at_every_point_of_the_curve(tiny_jobs, settings):
    (job,) = tiny_jobs(tasks="photo", signals="camera")
    execute(job, replace(settings, artifacts="all"))
    row = stored(settings)
    steps = {name.partition("/")[0] for name in artifact_files(settings.results, row["artifacts"]) if "/" in name}
    assert steps == {f"step-{point['step']:07d}" for point in row["curve"]}


@pytest.mark.parametrize(("task", "signal", "suffix"), [("photo", "camera", ".png"), ("function1d", "sin200", ".npz"),
                                                        ("poisson2d", "sin6cos20", ".npz"), ("sdf", "knot", ".ply")])  # fmt: skip
@pytest.mark.parametrize("method", ["siren", "wire"])
def test_a_stored_run_can_be_loaded_with_the_same_primary_value(tiny_jobs, settings, tmp_path, task, signal, suffix, method):
    changes = {"epochs": "2", "width": "16"} | ({"resolution": "16"} if task == "sdf" else {})
    (job,) = tiny_jobs(tasks=task, signals=signal, methods=method, changes=changes)
    execute(job, replace(settings, artifacts="last"))
    row = stored_run(settings.results, job.spec.run_id[:10])
    network, problem = load_run(row, settings.results, Registry())
    value = helpers.primary(problem, [row["primary_metric"]], Predictor(network, torch.device("cpu")))
    assert value == pytest.approx(row["curve"][-1]["value"], rel=1e-6)
    assert problem.evaluation.scaled_suffix == suffix


def test_runs_that_cannot_be_loaded_are_refused_with_the_reason(tiny_jobs, settings):
    (job,) = tiny_jobs(tasks="photo", signals="camera")
    execute(job, settings)
    row = stored_run(settings.results, job.spec.run_id)
    with pytest.raises(NothingFound, match="inrbench run --artifacts last"):
        load_run(row, settings.results, Registry())
    with pytest.raises(NothingFound, match="no run 'zz'"):
        stored_run(settings.results, "zz")


def test_an_image_that_cannot_be_written_does_not_fail_the_run(tiny_jobs, settings, monkeypatch):
    def fail(path, image):
        raise OSError("disk full\nlong story")

    monkeypatch.setattr("inrbench.problems.image.write_image", fail)
    (job,) = tiny_jobs(tasks="photo", signals="camera")
    ended = execute(job, replace(settings, artifacts="last"))
    assert (ended.status, ended.note) == ("ok", "no artifacts: disk full")
    assert list(artifact_files(settings.results, stored(settings)["artifacts"])) == ["weights.safetensors"]


def test_a_missing_scan_skips_the_run_with_the_fetch_command(tiny_jobs, settings, no_data):
    (job,) = tiny_jobs(tasks="occupancy", signals="thai")
    ended = execute(job, settings)
    assert (ended.status, ended.message) == ("skipped", "data missing, run: inrbench data fetch meshes")


@pytest.mark.kodak
@pytest.mark.parametrize("method", ["msa", "siren", "wire"])
def test_a_crop_of_kodim05_is_fitted_better_than_by_its_mean(tiny_jobs, settings, tmp_path, method):
    crop = read_image(require_file("kodak", "kodim05.png"))[200:328, 300:428]
    Image.fromarray((crop * 255).round().astype(np.uint8)).save(tmp_path / "crop.png")
    (job,) = tiny_jobs(
        methods=method, tasks="photo", signals=str(tmp_path / "crop.png"), changes={"epochs": "60", "batch": "1024"}
    )
    assert execute(job, settings).status == "ok"
    row = stored(settings)
    metrics = {m["id"]: m["value"] for m in row["metrics"]}
    of_the_mean = -10 * np.log10(crop.reshape(-1, 3).var(axis=0).mean())
    assert metrics["psnr@clip-float"] > of_the_mean + 1
    assert 0 < metrics["ssim@skimage-uniform-w7"] < 1
    assert 0 < metrics["lpips@alex-v0.1"] < 1.5
    assert row["signal"] == "crop.png"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["siren", "finer", "msa"])
def test_engines_differ_by_less_than_seeds_do(tiny_jobs, settings, method):
    def ends(engine: str) -> list[float]:
        jobs = tiny_jobs(
            methods=method, tasks="photo", signals="camera", seeds=(0, 1, 2), engine=engine, changes={"epochs": "30"}
        )
        return [execute(job, settings).primary for job in jobs]

    fast, reference = np.array(ends("fast")), np.array(ends("reference"))
    assert abs(fast.mean() - reference.mean()) <= max(np.ptp(fast), np.ptp(reference))
    rows = read_runs(settings.results).table.to_pylist()
    assert {row["engine"] for row in rows} == {"fast", "reference"}
    assert {row["matmul_backend"] for row in rows if row["engine"] == "reference"} == {"default"}


def test_status_of_exceptions():
    assert status_of(None) == "ok"
    assert status_of(torch.OutOfMemoryError("CUDA out of memory")) == "oom"
    assert status_of(KeyError("x")) == "error"
