"""Compare one command with two concurrent commands: ``python benchmarks/two_commands.py OUT.json``.

Both are measured with OpenMP's usual spin count and with the spin count that inrbench sets. The output has the seconds that the
same runs take, and the ratio of two commands to one for both settings. A ratio of 2 is expected if one command already uses all
cores. The measurements are interleaved over several rounds, and the median is reported.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from inrbench.execute.local import SPIN_COUNT
from inrbench.store import read_runs

ROUNDS = 3
SECONDS = 600
COMMAND = [
    sys.executable, "-m", "inrbench", "run", "--methods", "siren,relu", "--tasks", "function1d", "--signals", "sin200",
    "--protocol", "quick", "--set", "epochs=100", "--seeds", "2", "--jobs", "1", "--device", "cpu", "--artifacts", "none",
]  # fmt: skip
USUAL = "300000"
"""The spin count of libgomp if there are not more threads than cores."""


def train_seconds(folder: Path, commands: int, spin: str) -> float:
    """Return the seconds of training that the runs of a number of commands took on average, a folder each."""
    stores = [folder / f"{spin}-{i}" for i in range(commands)]
    processes = [
        subprocess.Popen(
            [*COMMAND, "--results", str(store)], env={**os.environ, "GOMP_SPINCOUNT": spin}, stdout=subprocess.DEVNULL
        )
        for store in stores
    ]
    for process in processes:
        if process.wait(timeout=SECONDS):
            raise SystemExit("a command failed")
    return statistics.mean(
        s for store in stores for s in read_runs(store, ["train_seconds"]).table["train_seconds"].to_pylist()
    )


def main() -> None:
    """Measure and write."""
    measured: dict[tuple[str, int], list[float]] = {}
    for _ in range(ROUNDS):
        for spin in (USUAL, SPIN_COUNT):
            for commands in (1, 2):
                with tempfile.TemporaryDirectory() as scratch:
                    measured.setdefault((spin, commands), []).append(train_seconds(Path(scratch), commands, spin))
    report = {"cores": os.cpu_count(), "rounds": ROUNDS}
    for spin in (USUAL, SPIN_COUNT):
        one, two = (statistics.median(measured[spin, commands]) for commands in (1, 2))
        report[f"GOMP_SPINCOUNT={spin}"] = {"alone_s": round(one, 3), "two_s": round(two, 3), "ratio": round(two / one, 2)}
    Path(sys.argv[1]).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
