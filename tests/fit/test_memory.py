"""Freed memory is kept for the next step, and the peak of a run is still its own."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import torch
from inrbench.fit import MemoryMeter, keep_freed_memory

torch.set_num_threads(1)

def steps():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        blocks = [torch.ones(1 << 20) for _ in range(4)]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
steps()
print(steps())
large = torch.ones(50 << 20)
del large
meter = MemoryMeter(torch.device("cpu"))
small = torch.ones(10 << 20)
del small
print(meter.host_peak_bytes() >> 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_freed_memory_is_kept_and_the_peak_is_that_of_the_run():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    faults, peak = map(int, done.stdout.split())
    assert faults < 1000, "16 MiB are 4,096 pages; by default each of the 50 steps faults all of them"
    assert 38 <= peak <= 48
