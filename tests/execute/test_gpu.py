"""Tests that need a GPU."""

import pytest
import torch

from inrbench.execute.worker import execute
from inrbench.store import read_runs

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


@pytest.mark.parametrize("method", ["msa", "siren", "wire", "finer", "staf"])
def test_gpu_runs_agree_with_cpu_runs_and_record_gpu_memory(tiny_jobs, settings, method):
    values = [execute(job, settings).primary for d in ("cpu", "cuda:0") for job in tiny_jobs(methods=method, device=d)]
    assert values[0] == pytest.approx(values[1], rel=0.05)
    row = next(row for row in read_runs(settings.results).table.to_pylist() if row["device_class"] == "cuda")
    assert row["gpu_peak_allocated_bytes"] > 0
    assert row["gpu_peak_reserved_bytes"] >= row["gpu_peak_allocated_bytes"]
    assert row["device_name"] == torch.cuda.get_device_name(0)
