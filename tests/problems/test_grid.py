"""Grids whose coordinates are computed batch by batch."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from inrbench.problems import Grid, GridRegression
from inrbench.problems.grid import BitValues, ByteValues, FloatValues

GRID = Grid((3, 4, 5), (-1.0, 0.0, 2.0), (1.0, 3.0, 4.0))


def everything() -> torch.Tensor:
    axes = [torch.linspace(low, high, n) for n, low, high in zip(GRID.shape, GRID.low, GRID.high, strict=True)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)


def test_coordinates_match_meshgrid():
    assert torch.equal(GRID.coordinates(slice(0, 60)), everything())
    assert torch.equal(GRID.coordinates(slice(7, 23)), everything()[7:23])
    assert [(s.start, s.stop) for s in GRID.slabs(25)] == [(0, 25), (25, 50), (50, 60)]


def bits(truth: np.ndarray) -> BitValues:
    return BitValues(torch.from_numpy(np.packbits(truth)))


RANDOM = np.random.default_rng(0)
CASES = {
    "bits": (bits(truth := RANDOM.random(60) < 0.5), truth.astype(np.float32)[:, None]),
    "bytes": (ByteValues(torch.from_numpy(raw := RANDOM.integers(0, 256, (60, 3), dtype=np.uint8))), raw / np.float32(255)),
    "floats": (FloatValues(torch.from_numpy(field := RANDOM.random(60, dtype=np.float32))), field[:, None]),
}


@pytest.mark.parametrize("name", CASES)
def test_epoch_contains_every_point_once_with_its_value(name):
    values, expected = CASES[name]
    problem = GridRegression(GRID, values, 16, None)
    assert (problem.n_points, problem.in_features, problem.out_features) == (60, 3, expected.shape[1])
    generator = torch.Generator().manual_seed(0)
    epochs = [list(problem.batches(generator)) for _ in range(2)]
    assert [len(x) for x, _ in epochs[0]] == [16, 16, 16, 12]
    for epoch in epochs:
        x, y = (torch.cat(parts) for parts in zip(*epoch, strict=True))
        order = np.lexsort(x.numpy().T[::-1])
        assert torch.equal(x[order], everything()), "C order is the lexical order of increasing axes"
        assert np.array_equal(y[order].numpy(), expected)
    assert not torch.equal(epochs[0][0][0], epochs[1][0][0])


def test_full_batch_keeps_the_order():
    problem = GridRegression(GRID, CASES["floats"][0], None, None)
    ((x, y),) = problem.batches(torch.Generator())
    assert torch.equal(x, everything())
    assert np.array_equal(y.numpy(), CASES["floats"][1])


MEMORY = """
import torch
from inrbench.fit import MemoryMeter
from inrbench.problems import Grid, GridRegression
from inrbench.problems.grid import BitValues
n = 256
problem = GridRegression(Grid((n, n, n), (-1.0,) * 3, (1.0,) * 3), BitValues(torch.zeros(n**3 // 8, dtype=torch.uint8)), 50_000, None)
meter = MemoryMeter(torch.device("cpu"))
for number, (x, y) in enumerate(problem.batches(torch.Generator().manual_seed(0))):
    if number == 20:
        break
print(meter.host_peak_bytes() / n**3)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the high-water mark")
def test_large_grid_needs_little_memory_beyond_the_shuffle():
    """The order takes 8 bytes per point; coordinates and values of all points would take another 16."""
    assert float(subprocess.check_output([sys.executable, "-c", MEMORY], text=True)) < 12
