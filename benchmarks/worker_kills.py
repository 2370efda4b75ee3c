"""Kill a suite N times with kill -9 at random moments, and resume it: ``python benchmarks/worker_kills.py N OUT.json``.

What is killed is random too: one worker, the command itself, or both. After each kill every file must be readable, and no
finished run may be lost. At the end the suite is completed, and each run must be in the table exactly once.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from inrbench.store import finished_runs, read_runs, verify

SUITE = [
    sys.executable, "-m", "inrbench", "run", "--methods", "siren,msa,relu", "--tasks", "function1d,photo", "--protocol", "quick",
    "--signals", "sin200,astronaut", "--set", "epochs=60", "--set", "width=32", "--seeds", "10", "--jobs", "2", "--device", "cpu", "--retry-failed",
]  # fmt: skip
RUNS = 3 * 2 * 10
SHORTEST_SECONDS, MAX_SECONDS = 1.0, 12.0
PATIENCE = 120.0


def kill_once(results: Path, draw: random.Random) -> str:
    """Start the suite, kill something of it at some moment, and return what."""
    suite = subprocess.Popen([*SUITE, "--results", str(results)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        suite.wait(timeout=draw.uniform(SHORTEST_SECONDS, MAX_SECONDS))
        assert suite.returncode == 0, "the suite ended in another way"
        return "nothing: it had ended"
    except subprocess.TimeoutExpired:
        pass
    target = draw.choice(["worker", "parent", "both"])
    workers = psutil.Process(suite.pid).children(recursive=True)
    victims = draw.sample(workers, min(1, len(workers))) if target != "parent" else []
    for victim in victims:
        victim.kill()
    if target == "worker":
        time.sleep(draw.uniform(0.0, 3.0))  # the suite continues with a new worker, and is then stopped with SIGTERM
        suite.terminate()
    else:
        suite.kill()
    suite.wait(timeout=PATIENCE)
    _, alive = psutil.wait_procs(workers, timeout=PATIENCE)
    assert not alive, "workers outlive their command"
    return target if target == "parent" or victims else "no worker yet"


def main() -> None:
    """Kill, look, kill again; then complete the suite and write what was seen."""
    kills, out = int(sys.argv[1]), Path(sys.argv[2])
    draw, targets, readings = random.Random(0), Counter[str](), 0
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results"
        finished: set[str] = set()
        for number in range(kills):
            if len(finished) > RUNS * 0.9:  # use a new store: in this one hardly any run is left to kill
                results, finished = Path(scratch) / f"results{number}", set()
            targets[kill_once(results, draw)] += 1
            if not results.exists():
                continue
            stored, read = finished_runs(results), read_runs(results)
            assert not read.unreadable, read.unreadable
            assert not verify(results).faults, verify(results).faults
            ok = {run for run, status in stored.items() if status == "ok"}
            assert finished <= ok, "a finished run is gone"
            finished, readings = ok, readings + 1
        stores = sorted(Path(scratch).glob("results*"))
        for store in stores:
            subprocess.run([*SUITE, "--results", str(store)], check=True, stdout=subprocess.DEVNULL)
            frame = read_runs(store).table.to_pandas()
            assert len(frame) == RUNS
            assert frame["run_id"].is_unique
            assert set(frame["status"]) == {"ok"}
    report = {"kills": kills, "killed": dict(targets), "stores": len(stores), "runs per store": RUNS, "readings": readings, "lost": 0,
            "counted twice": 0, "files that could not be read": 0}  # fmt: skip
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
