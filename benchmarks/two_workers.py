"""Compare two workers on two cores with one on one core: ``python benchmarks/two_workers.py OUT.json``.

The same runs, about a minute each, are carried out by one worker and by two, in turn. Each worker has a core and a thread of
its own: a single one, which would use both cores, is bound to the first (``taskset``). Written are the wall seconds, and how many
times the runs of one worker the two finish in the same time. For comparison, bare loops of training steps are timed without
inrbench, on each core alone and on both at the same time: cores share the memory. Needs two cores without other work.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

RUNS, ROUNDS = 2, 3
COMMAND = [sys.executable, "-m", "inrbench", "run", "--methods", "siren", "--tasks", "photo", "--signals", "camera", "--protocol",
           "quick", "--set", "epochs=300,width=256", "--device", "cpu", "--artifacts", "none"]  # fmt: skip

STEPS = """
import os, sys, time, torch
os.sched_setaffinity(0, {int(sys.argv[1])})
torch.set_num_threads(1)
points = torch.randn(4096, 256)
weights = [torch.randn(256, 256, requires_grad=True) for _ in range(3)]
begin, steps = time.perf_counter(), 0
while time.perf_counter() - begin < 15:
    output = points
    for weight in weights:
        output = torch.sin(output @ weight)
    output.square().mean().backward()
    steps += 1
print(steps)
"""


def bare_steps(*cores: int) -> int:
    """Return how many training steps processes finish together in 15 seconds, one on each core."""
    commands = [[sys.executable, "-c", STEPS, str(core)] for core in cores]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    return sum(int(process.communicate()[0]) for process in processes)


def seconds(workers: int, scratch: Path) -> float:
    """Return the wall seconds of the runs by a number of workers."""
    begin = time.perf_counter()
    subprocess.run(
        [*(["taskset", "-c", "0"] if workers == 1 else []), *COMMAND, "--seeds", str(RUNS), "--jobs", str(workers), "--results", str(scratch / f"{workers}-{begin}")],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - begin


def main(out: Path) -> None:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as folder:
        seconds(1, Path(folder))  # fills the cache of compiled code
        rounds = [(seconds(1, Path(folder)), seconds(2, Path(folder))) for _ in range(ROUNDS)]
    bare = [2 * bare_steps(0, 1) / (bare_steps(0) + bare_steps(1)) for _ in range(ROUNDS)]
    report = {
        "torch": torch.__version__,
        "runs": RUNS,
        "seconds with one and with two workers": [[round(each, 1) for each in pair] for pair in rounds],
        "two workers / one worker": round(statistics.median(one / two for one, two in rounds), 2),
        "two bare loops of steps / one": round(statistics.median(bare), 2),
    }
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
