"""Kill a run N times with kill -9 at random moments, and continue it: ``python benchmarks/checkpoint_kills.py N OUT.json``.

The runs train for some ten seconds to a minute and write a checkpoint every second. After each kill the same command is
started again. At the end the row of every run must equal that of an uninterrupted run, bit by bit. Also measured: how long a
checkpoint takes to write and to restore, for the network of the paper protocol of kodak.
"""

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import torch

from inrbench.fit import Checkpoints
from inrbench.fit.checkpoint import network_state, restore_network
from inrbench.fit.optimise import Updates
from inrbench.nn import CoordinateMLP
from inrbench.registry import Registry
from inrbench.spec import Adam, NetworkSpec
from inrbench.store import checkpoints, read_runs

COMMAND = [
    sys.executable, "-m", "inrbench", "run", "--tasks", "photo", "--signals", "camera", "--protocol", "quick", "--device", "cpu",
    "--set", "epochs=150", "--jobs", "1", "--artifacts", "none", "--checkpoint-every", "1s",
]  # fmt: skip
METHODS = ("siren", "msa", "wire")
LONGEST = 16.0
"""Seconds after which a command is killed at the latest."""


def finish(results: Path, method: str) -> None:
    subprocess.run([*COMMAND, "--methods", method, "--results", str(results)], check=True, stdout=subprocess.DEVNULL)


def killed(results: Path, method: str, after: float) -> bool:
    """Start the command and kill it after some seconds. Return whether it was still running."""
    process = subprocess.Popen([*COMMAND, "--methods", method, "--results", str(results)], stdout=subprocess.DEVNULL)
    try:
        process.wait(timeout=after)
        return False
    except subprocess.TimeoutExpired:
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        psutil.wait_procs(workers, timeout=30)
        return True


def numbers(results: Path) -> dict[str, object]:
    """Return what must not depend on kills."""
    (row,) = (row for row in read_runs(results).table.to_pylist() if row["status"] == "ok")
    return {
        "metrics": {each["id"]: each["value"] for each in row["metrics"]},
        "curve": [(p["step"], p["loss"], p["value"]) for p in row["curve"]],
        "steps": row["steps"],
        "points": row["points_seen"],
    }


def seconds_of_a_checkpoint() -> dict[str, float]:
    """Return the median seconds to write and to restore a checkpoint of the network of kodak's paper protocol."""
    spec = NetworkSpec(in_features=2, out_features=3, width=400, n_layers=4)
    network = Registry().method("siren")(spec)
    assert isinstance(network, CoordinateMLP)
    updates = Updates(network, Adam(), fused=True)
    updates.step(lambda: (loss := network(torch.rand(64, 2)).square().mean()).backward() or loss, 1e-3)
    written, restored = [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Checkpoints(Path(folder) / "a.safetensors", {}, every=0.0)
        for _ in range(9):
            begin = time.perf_counter()
            file.save({"network": network_state(network), "optimisers": updates.state(), "losses": torch.zeros(36_000)})
            written.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            state = file.load()
            assert state is not None
            restore_network(network, state["network"])
            updates.restore(state["optimisers"])
            restored.append(time.perf_counter() - begin)
    return {"write_s": round(statistics.median(written), 4), "restore_s": round(statistics.median(restored), 4)}


def main(kills: int, out: Path) -> None:
    draw = random.Random(0)
    report: dict[str, object] = {"kills": kills, "checkpoint of a 4x400 network with Adam": seconds_of_a_checkpoint()}
    done, equal, resumptions = 0, 0, []
    with tempfile.TemporaryDirectory() as name:
        whole = {method: Path(name) / f"whole-{method}" for method in METHODS}
        for method, results in whole.items():
            finish(results, method)
        runs = 0
        while done < kills:
            method = METHODS[runs % len(METHODS)]
            results = Path(name) / f"run-{runs}"
            while done < kills and killed(results, method, draw.uniform(3, LONGEST)):
                done += 1
                assert all(path.stat().st_size for path in checkpoints(results).values()) if results.is_dir() else True
            finish(results, method)
            runs += 1
            equal += numbers(results) == numbers(whole[method])
            resumptions += [row["resumptions"] for row in read_runs(results).table.to_pylist() if row["status"] == "ok"]
    report |= {"runs": runs, "runs with equal bits": equal, "resumptions": sum(resumptions)}
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
