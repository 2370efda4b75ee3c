"""Runs continue from checkpoints with the same bits, and unusable checkpoints are refused by name."""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from inrbench.execute.worker import execute
from inrbench.fit import Checkpoints
from inrbench.fit.checkpoint import digest, pack, unpack
from inrbench.spec import OPTIMISERS, Progress
from inrbench.store import checkpoint_path, checkpoints, read_runs
from inrbench.store.files import write_atomically

EVERY_STEP = 1e-9
"""Seconds between checkpoints that are so few that one is written at every step."""


def stop_after(calls: int) -> Callable[[], bool]:
    """Return a function that is False for a number of calls, and then True."""
    left = iter(range(calls))
    return lambda: next(left, None) is None


def facts(row: dict) -> tuple:
    """Return what must not depend on interruptions."""
    curve = [(point["step"], point["loss"], point["lr"], point["value"]) for point in row["curve"]]
    metrics = {each["id"]: each["value"] for each in row["metrics"]}
    probes = [tuple(each.values()) for each in row["probes"]]
    files = [(each["name"], each["file"]) for each in row["artifacts"]]
    return row["status"], metrics, curve, probes, files, row["error_share"], row["steps"], row["points_seen"]


def last_row(results) -> dict:
    rows = read_runs(results).table.to_pylist()
    assert len(rows) == 1
    return rows[0]


def check_same_after_interruptions(job, settings, tmp_path, stops=(3, 5, 9)) -> dict:
    """Carry a job out with and without interruptions; return the row of the interrupted one."""
    whole = replace(settings, results=tmp_path / "whole", artifacts="last")
    parts = replace(settings, results=tmp_path / "parts", artifacts="last")
    assert execute(job, whole).status == "ok"
    for calls in stops:
        outcome = execute(job, parts, should_stop=stop_after(calls))
        assert outcome.status == "interrupted", outcome
        assert "the same command continues from there" in outcome.message
        assert checkpoint_path(parts.results, job.spec.run_id).is_file()
    assert execute(job, parts).status == "ok"
    assert not checkpoints(parts.results)
    row = last_row(parts.results)
    assert facts(row) == facts(last_row(whole.results))
    assert (row["resumptions"], row["host_peak_bytes"]) == (len(stops), None)
    return row


@pytest.mark.parametrize("name", sorted(OPTIMISERS))
@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_interrupted_runs_end_with_the_same_bits_for_every_optimiser(tiny_jobs, settings, tmp_path, name, engine):
    changes = {"epochs": "60", "width": "16", "optimiser": name}
    if name == "adam-lbfgs":
        changes["optimiser.lbfgs_steps"] = "30"
    (job,) = tiny_jobs(methods="msa", changes=changes, probes=("gradients",), engine=engine)
    check_same_after_interruptions(job, settings, tmp_path)


@pytest.mark.parametrize(("task", "signal", "method", "changes"), [
    ("photo", "camera", "wire", {"epochs": "7", "width": "8", "batch": "900", "max_pixels": "4096"}),
    ("heat1d", "b5", "msa-pinn", {"epochs": "30", "width": "8"}),
    ("heat1d", "b5", "pinn", {"epochs": "30", "width": "8", "optimiser": "adam-lbfgs", "optimiser.lbfgs_steps": "25"}),
    ("occupancy", "gyroid", "siren", {"epochs": "6", "width": "8", "resolution": "12", "batch": "500", "scoring": "official"}),
    ("photo", "camera", "fr", {"epochs": "7", "width": "8", "batch": "900", "max_pixels": "4096", "precision": "float64"}),
])  # fmt: skip
def test_interrupted_runs_with_random_batches_end_with_the_same_bits(
    tiny_jobs, settings, tmp_path, task, signal, method, changes
):
    (job,) = tiny_jobs(methods=method, tasks=task, signals=signal, changes=changes)
    check_same_after_interruptions(job, settings, tmp_path, stops=(3, 4, 4))


NOISY = '''"""Adds noise to its outputs while it is trained. Written for a test."""
import torch
from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import Sine, siren_init


class Noisy(CoordinateMLP):
    def forward(self, x):
        return super().forward(x) + 0.1 * torch.randn(len(x), 1)


@register_method("noisy")
def noisy(net: NetworkSpec):
    return Noisy(net, lambda layer: Sine(30.0), siren_init(30.0))
'''


def test_a_network_that_draws_random_numbers_ends_with_the_same_bits(tiny_jobs, settings, tmp_path):
    plugin = tmp_path / "noisy.py"
    plugin.write_text(NOISY)
    (job,) = tiny_jobs(methods=str(plugin), changes={"epochs": "40", "width": "16"}, engine="reference")
    check_same_after_interruptions(job, settings, tmp_path)


def test_seconds_of_a_resumed_run_are_sums_over_its_parts(tiny_jobs, settings, tmp_path):
    (job,) = tiny_jobs(changes={"epochs": "40", "width": "16"})
    row = check_same_after_interruptions(job, settings, tmp_path)
    curve = [point["train_seconds"] for point in row["curve"]]
    assert curve == sorted(curve)
    assert row["train_seconds"] >= curve[-1]
    assert row["wall_seconds"] >= row["train_seconds"]


def test_a_part_with_other_threads_or_other_code_is_noted(tiny_jobs, settings):
    (job,) = tiny_jobs(changes={"epochs": "40", "width": "16"})
    first = replace(settings, code=("a" * 40, False))
    assert execute(job, first, should_stop=stop_after(5)).status == "interrupted"
    assert execute(job, replace(settings, threads=settings.threads + 1, code=("b" * 40, True))).status == "ok"
    notes = "; ".join(last_row(settings.results)["notes"])
    assert f"continued with another number of threads: {settings.threads}, then {settings.threads + 1}" in notes
    assert f"continued with another commit of inrbench: {'a' * 40}, then {'b' * 40} with changes" in notes


def test_checkpoints_are_written_at_intervals_and_removed_at_the_end(tiny_jobs, settings):
    (job,) = tiny_jobs(changes={"epochs": "12", "width": "16"})
    seen = []
    path = checkpoint_path(settings.results, job.spec.run_id)
    execute(job, replace(settings, checkpoint_seconds=EVERY_STEP), on_progress=lambda progress: seen.append(path.exists()))
    assert any(seen)
    assert not path.exists()


def test_a_killed_run_continues_from_its_last_checkpoint(tiny_jobs, settings, tmp_path):
    (job,) = tiny_jobs(changes={"epochs": "40", "width": "16"})
    whole, parts = (replace(settings, results=tmp_path / name, checkpoint_seconds=EVERY_STEP) for name in ("whole", "parts"))
    execute(job, whole)
    path = checkpoint_path(parts.results, job.spec.run_id)
    kept = {}

    def keep(progress: Progress) -> None:
        if progress.fraction > 0.5 and path.is_file():
            kept.setdefault("content", path.read_bytes())

    execute(job, parts, keep)
    for file in parts.results.rglob("*.parquet"):  # as if the process had been killed: no row, but a checkpoint
        file.unlink()
    write_atomically(kept["content"], path)
    assert execute(job, parts).status == "ok"
    assert facts(last_row(parts.results)) == facts(last_row(whole.results))
    assert last_row(parts.results)["resumptions"] == 1


def changed(content: bytes, **facts: object) -> bytes:
    tensors = safetensors.torch.load(content)
    text = json.loads(bytes(tensors["facts"].numpy()))
    text.update(facts)
    tensors["facts"] = torch.frombuffer(bytearray(json.dumps(text).encode()), dtype=torch.uint8)
    del tensors["sha256"]
    tensors["sha256"] = torch.frombuffer(bytearray(digest(tensors)), dtype=torch.uint8)
    return safetensors.torch.save(tensors)


def one_bit(content: bytes, identity: object) -> bytes:
    """Flip a bit of the first tensor."""
    first = 8 + int.from_bytes(content[:8], "little") + 1
    return content[:first] + bytes([content[first] ^ 1]) + content[first + 1 :]


def without(content: bytes, name: str) -> bytes:
    tensors = safetensors.torch.load(content)
    del tensors[name]
    return safetensors.torch.save(tensors)


UNUSABLE = {
    "other torch": (
        lambda c, i: changed(c, identity={**i, "version of torch": "1.0"}),
        "its version of torch is 1.0, here it is",
    ),
    "other code": (lambda c, i: changed(c, identity={**i, "harness version": "0"}), "its harness version is 0"),
    "other run": (lambda c, i: changed(c, identity={**i, "run": "f" * 32}), "its run is ffff"),
    "other format": (lambda c, i: changed(c, format=99), "its format is 99, not 4"),
    "cut": (lambda c, i: c[: len(c) // 2], "it is damaged"),
    "empty": (lambda c, i: b"", "it is damaged"),
    "text": (lambda c, i: b"not a checkpoint" * 100, "it is damaged"),
    "one bit of a weight": (one_bit, "it is damaged (its hash differs)"),
    "no hash": (lambda c, i: without(c, "sha256"), "it is damaged (its hash differs)"),
    "no facts": (lambda c, i: safetensors.torch.save({"0": torch.zeros(3)}), "it is damaged"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_unusable_checkpoints_are_refused_by_name_and_the_run_starts_again(tiny_jobs, settings, what):
    change, reason = UNUSABLE[what]
    (job,) = tiny_jobs(changes={"epochs": "30", "width": "16"})
    execute(job, settings, should_stop=stop_after(5))
    path = checkpoint_path(settings.results, job.spec.run_id)
    content = path.read_bytes()
    identity = json.loads(bytes(safetensors.torch.load(content)["facts"].numpy()))["identity"]
    path.write_bytes(change(content, identity))
    outcome = execute(job, settings)
    assert outcome.status == "ok"
    assert f"the checkpoint {path.name} is not used, and the run starts again" in outcome.note
    assert reason in outcome.note
    row = last_row(settings.results)
    assert (row["resumptions"], row["steps"]) == (0, 30)
    assert not path.exists()


def test_a_checkpoint_that_is_a_link_is_not_followed(tiny_jobs, settings, tmp_path):
    (job,) = tiny_jobs(changes={"epochs": "30", "width": "16"})
    execute(job, settings, should_stop=stop_after(5))
    path = checkpoint_path(settings.results, job.spec.run_id)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    outcome = execute(job, settings)
    assert (outcome.status, "is not used" in outcome.note) == ("ok", True)
    assert (tmp_path / "elsewhere").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="looks up the written file in /proc")
def test_a_full_disk_is_noted_and_the_run_continues(tiny_jobs, settings, monkeypatch):
    real = os.fsync

    def fsync(number: int) -> None:
        if "/checkpoints/" in str(Path(f"/proc/self/fd/{number}").readlink()):
            raise OSError(28, "No space left on device")
        real(number)

    monkeypatch.setattr(os, "fsync", fsync)
    (job,) = tiny_jobs(changes={"epochs": "12", "width": "16"})
    outcome = execute(job, replace(settings, checkpoint_seconds=EVERY_STEP))
    assert outcome.status == "ok"
    folder = settings.results / "checkpoints"
    assert outcome.note == (
        f"no checkpoint was written: cannot write to {folder}: No space left on device. Choose another folder with --results"
    )
    assert not list(folder.iterdir())


def test_methods_that_fit_themselves_start_again(tiny_jobs, settings):
    (job,) = tiny_jobs(methods="gp-hm-stm", tasks="heat1d", signals="b5", changes={"epochs": "5", "width": "8"})
    outcome = execute(job, settings, should_stop=stop_after(2))
    assert (outcome.status, "the same command starts it again" in outcome.message) == ("interrupted", True)
    assert not checkpoints(settings.results)


def test_packing_keeps_every_type():
    state = {
        "tensor": torch.randn(2, 3), "complex": torch.randn(2, dtype=torch.complex64), "bool": torch.tensor([True]),
        0: [1, 2.5, None, "text", True], "tuple": (1, float("inf")), "nested": {"a": [torch.zeros(0)]},
    }  # fmt: skip
    tensors: dict[str, torch.Tensor] = {}
    text = json.dumps(pack(state, tensors), allow_nan=False)
    back = unpack(json.loads(text), safetensors.torch.load(safetensors.torch.save(tensors)))
    assert torch.equal(back["tensor"], state["tensor"])
    assert torch.equal(back["complex"], state["complex"])
    assert back["bool"].dtype == torch.bool
    assert (back[0], back["tuple"]) == (state[0], state["tuple"])
    with pytest.raises(TypeError, match="cannot contain object"):
        pack({"a": object()}, {})


def test_checkpoints_are_due_after_their_interval(tmp_path):
    file = Checkpoints(tmp_path / "a.safetensors", {}, every=0.05)
    assert not file.due()
    limit = time.monotonic() + 5
    while not file.due():
        assert time.monotonic() < limit
    file.save({})
    assert not file.due()
