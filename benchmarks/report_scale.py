"""Time leaderboards and reports of stores with 10,000 to 200,000 runs, and how their pages open: ``python benchmarks/report_scale.py OUT.json``.

Each command runs several times, in its own process, as for a user. Peak memory is that of the largest process so far.
"""

import json
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from inrbench.store import SCHEMA

ROUNDS = 3
METHODS = [f"method{i}" for i in range(10)]
METRICS = [("psnr@a", "dB", True, "linear"), ("ssim@a", "", True, "linear"), ("lpips@a", "", False, "linear"),
           ("psnr-between@2x", "dB", True, "linear"), ("mse@train", "", False, "log")]  # fmt: skip
STEPS = np.unique(np.geomspace(1, 2000, 30).astype(int))


def rows(task: str, signals: int, seeds: int, method: str, points: int) -> list[dict]:
    """Return the rows of a method on a task, with numbers out of a generator."""
    draw = np.random.default_rng(abs(hash((task, method))) % 2**32)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = []
    for signal in range(signals):
        for seed in range(seeds):
            values = draw.normal(30, 3, len(METRICS))
            curve = [
                {"step": int(s), "train_seconds": s * 0.01, "loss": 1.0 / s, "lr": 1e-3, "value": 30 - 20 / np.sqrt(s)}
                for s in STEPS[:points]
            ]  # fmt: skip
            made.append({
                "schema_version": 1, "run_id": f"{task}{method}{signal:05}{seed:03}".ljust(32, "0"), "attempt_id": f"{METHODS.index(method):04x}{signal:010x}{seed:010x}",
                "task": task, "task_version": "1", "signal": f"signal{signal:03}", "signal_sha256": "0" * 64,
                "method": method, "method_sha256": "1" * 64, "plugin_origin": "builtin", "params_json": "{}", "variant": "",
                "protocol": "quick", "protocol_fingerprint": "f" * 12, "protocol_json": "{}", "seed": seed,
                "device_class": "cpu", "engine": "fast", "track": "paper", "training_json": "{}", "status": "ok",
                "started_at": start, "finished_at": start + timedelta(seconds=9), "primary_metric": "psnr@a",
                "metrics": [
                    {"id": i, "value": abs(float(v)), "unit": u, "higher_is_better": up, "scale": scale, "note": None}
                    for (i, u, up, scale), v in zip(METRICS, values, strict=True)
                ],
                "curve": curve, "probes": [], "artifacts": [], "train_seconds": 8.0, "wall_seconds": 9.0, "steps": 2000,
                "n_params": 12867, "host_peak_bytes": 50_000_000, "device": "cpu", "device_name": "CPU", "hardware_id": "h",
                "cpu_model": "CPU", "cores": 2, "platform": "Linux", "python": "3.11", "torch": "2.15", "inrbench": "0",
                "code_commit": "c" * 40, "code_dirty": False, "threads": 1, "jobs": 2, "load_average": 0.5,
            })  # fmt: skip
    return made


def make_store(folder: Path, tasks: int, signals: int, seeds: int, *, single: bool, points: int = 30) -> int:
    """Write a store: one file per run as ``inrbench run`` leaves it, or one file per task and method as ``results compact --to`` does."""
    count = 0
    for number in range(tasks):
        for method in METHODS:
            table = pa.Table.from_pylist(rows(f"task{number}", signals, seeds, method, points), schema=SCHEMA)
            count += table.num_rows
            where = folder / "store" / "v1" / f"task=task{number}" / f"method={method}" if single else folder / f"task{number}"
            where.mkdir(parents=True, exist_ok=True)
            if single:
                for i in range(table.num_rows):
                    name = f"{table['run_id'][i]}.{table['attempt_id'][i]}.ok.parquet"
                    pq.write_table(table.slice(i, 1), where / name, compression="zstd")
            else:
                pq.write_table(table, where / f"{method}.parquet", compression="zstd")
    return count


def timed(command: list[str], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median wall seconds of a command over rounds, and the largest resident memory of any so far."""
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "inrbench", *command], check=True, capture_output=True)
        seconds.append(time.perf_counter() - begin)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
    return {"seconds": round(statistics.median(seconds), 2), "largest_mib_so_far": round(peak)}


LARGEST_PAINT = """() => new Promise(done => new PerformanceObserver(
    list => done(list.getEntries().at(-1).startTime)).observe({ type: "largest-contentful-paint", buffered: true }))"""


def opened(pages: list[Path]) -> dict[str, float]:
    """Return how pages open in headless Chromium: milliseconds to the largest paint, and until all scripts have run; kilobytes.

    The kilobytes are those of the page with all styles and scripts that it loads, without pictures.
    """
    from playwright.sync_api import sync_playwright

    paints, ready, weights = [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for path in pages:
            page, loaded = browser.new_page(), set()
            page.on("request", lambda request, loaded=loaded: loaded.add(request.url.split("?")[0]))
            page.goto(path.resolve().as_uri(), wait_until="load")
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
            ready.append(page.evaluate("() => performance.now()"))
            paints.append(page.evaluate(LARGEST_PAINT))
            files = [Path(url.removeprefix("file://")) for url in loaded if url.endswith((".html", ".js", ".css"))]
            weights.append(sum(file.stat().st_size for file in files) / 1e3)
            page.close()
        browser.close()
    return {
        "pages": len(pages),
        "largest_paint_median_ms": round(statistics.median(paints)),
        "largest_paint_most_ms": round(max(paints)),
        "interactive_median_ms": round(statistics.median(ready)),
        "interactive_most_ms": round(max(ready)),
        "kilobytes_most": round(max(weights)),
    }


def main() -> None:
    """Make the stores, time the commands, and write what was seen."""
    report = {"machine": platform.processor() or platform.machine(), "python": platform.python_version(), "rounds": ROUNDS}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        report["runs"] = make_store(folder / "compact", 6, 24, 7, single=False)
        make_store(folder / "single", 6, 24, 7, single=True)
        report["leaderboard, compacted"] = timed(["leaderboard", "--results", str(folder / "compact")])
        report["leaderboard, one file per run"] = timed(["leaderboard", "--results", str(folder / "single")])
        report["report"] = timed(["report", "--results", str(folder / "compact"), "-o", str(folder / "site")])
        pages = [path.stat().st_size for path in (folder / "site").rglob("*.html")]
        report["pages"], report["largest_page_bytes"] = len(pages), max(pages)
        sizes = sorted((folder / "site").rglob("*.html"), key=lambda path: path.stat().st_size)
        report["largest pages, opened"] = opened(sizes[-20:])
        published = Path(__file__).parent.parent / "results" / "published"
        subprocess.run([sys.executable, "-m", "inrbench", "report", "--results", published, "-o", folder / "real"], check=True)
        real = folder / "real"
        report["published home, opened"] = opened([real / "index.html"] * ROUNDS)
        report["published tables of kodak, opened"] = opened(sorted((real / "tables").glob("kodak*")))
        report["packing one file per run"] = timed(["results", "compact", "--results", str(folder / "single")], rounds=1)
        report["leaderboard, packed"] = timed(["leaderboard", "--results", str(folder / "single")])
        report["runs of a large store"] = make_store(folder / "huge", 10, 50, 20, single=False)
        report["report of a large store"] = timed(
            ["report", "--results", str(folder / "huge"), "-o", str(folder / "huge-site")], rounds=1
        )
        report["metric_rows"] = make_store(folder / "large", 10, 50, 40, single=False, points=1) * len(METRICS)
        report["leaderboard of metric_rows"] = timed(["leaderboard", "--results", str(folder / "large")])
    Path(sys.argv[1]).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
