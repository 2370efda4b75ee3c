"""Devices and time estimates for GPUs, checked without one."""

import importlib
from dataclasses import replace

import pytest
import torch


def test_a_timing_waits_for_the_device_of_the_run(monkeypatch):
    from inrbench.planning.timed_steps import _seconds_of

    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device=None: waited.append(device))
    _seconds_of(lambda: torch.ones(1, requires_grad=True).sum(), torch.device("cuda:1"))
    assert set(waited) == {torch.device("cuda:1")}


def test_an_estimate_for_a_gpu_is_made_in_a_process_of_its_own(tiny_jobs, tmp_path, monkeypatch):
    from inrbench.planning import estimate, timed_steps

    calls = []
    monkeypatch.setattr(timed_steps, "time_steps", lambda *_: calls.append(1))
    jobs = tiny_jobs(device="cuda:0")
    expected = estimate(jobs, tmp_path, 1)
    assert (expected.unknown, expected.ranges) == (1, [(0.0, 0.0)])
    assert not calls, "estimated in this process"
    assert not torch.cuda.is_initialized()


def test_a_torch_without_cuda_gives_no_estimate(tiny_jobs, registry, monkeypatch):
    """Runs for the GPUs of other machines are planned where torch may have been built without CUDA."""
    from inrbench.planning.timed_steps import time_steps

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    moved = []

    def refuse(module, *args, **kwargs):
        moved.append(args)
        raise AssertionError("Torch not compiled with CUDA enabled")

    monkeypatch.setattr(torch.nn.Module, "to", refuse)
    (job,) = tiny_jobs(device="cuda:0")
    size = registry.task("function1d").size(job.spec.signal, job.protocol)
    assert time_steps(job, registry, size, 1) is None
    assert moved


def test_a_login_node_estimates_from_the_runs_of_all_gpus(tiny_jobs, tmp_path, attempt):
    from inrbench.planning.estimate import earlier_seconds
    from inrbench.store import append

    append(tmp_path, attempt(device_class="cuda"))
    append(tmp_path, attempt(device_class="cpu", seed=1))
    assert sorted(signal for *_, signal in earlier_seconds(tmp_path, "cuda:0")) == ["", "a"]


def test_times_of_trials_do_not_count_for_whole_runs(tmp_path, attempt):
    from inrbench.planning.estimate import earlier_seconds
    from inrbench.store import append

    for track in ("search", "paper"):
        append(tmp_path, attempt(track=track))
    assert sorted({is_trial for *_, is_trial, _ in earlier_seconds(tmp_path, "cpu")}) == [False, True]


def test_times_of_the_same_signal_and_engine_count_before_those_of_others(tmp_path, tiny_jobs, attempt):
    from inrbench.planning.estimate import estimate_here
    from inrbench.store import append

    (job,) = tiny_jobs()
    known = job.spec.signal
    for signal, engine, seconds in ((known, "fast", 10.0), ("other", "fast", 90.0), (known, "reference", 500.0)):
        made = attempt()
        spec = replace(job.spec, signal=signal, engine=engine)
        cost = replace(made.result.cost, wall_seconds=seconds)
        append(tmp_path, replace(made, result=replace(made.result, spec=spec, cost=cost)))
    (own,) = estimate_here([job], tmp_path, 1).ranges
    assert own[1] < 20
    (of_others,) = estimate_here([replace(job, spec=replace(job.spec, signal="third"))], tmp_path, 1).ranges
    assert of_others[0] <= 10
    assert 90 <= of_others[1] < 200


@pytest.mark.parametrize(("change", "reason"), [
    (lambda patch, tmp: patch.setattr(torch.version, "cuda", None), f"torch {torch.__version__} was built without CUDA"),
    (lambda patch, tmp: patch.setenv("CUDA_VISIBLE_DEVICES", ""), "CUDA_VISIBLE_DEVICES= hides all GPUs"),
    (lambda patch, tmp: None, "there is no NVIDIA driver"),
])  # fmt: skip
def test_a_missing_gpu_is_explained(monkeypatch, tmp_path, change, reason):
    from inrbench.errors import BadValue
    from inrbench.planning import device

    monkeypatch.setattr(importlib.import_module("inrbench.store.environment"), "DRIVER", tmp_path / "none")
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
    monkeypatch.setattr(importlib.import_module("inrbench.store.environment"), "DRIVER", file)
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
