"""Kill store commands N times with kill -9 at random moments: ``python benchmarks/store_kills.py N OUT.json``.

The commands are pack, merge, gc, compact, migrate and exchange. After each kill every attempt must still be stored, and every
file must be readable and valid. The same command is then run to its end: no attempt may be stored twice, no temporary file may
be left, and the result must be the same as without the kill.
"""

import contextlib
import json
import multiprocessing
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from inrbench.spec import Measurement, Metric, Protocol, RunResult, RunSpec
from inrbench.store import (
    SCHEMA,
    Attempt,
    Mirror,
    append,
    compact_in_place,
    environment,
    export_compact,
    import_attempts,
    keep_artifacts,
    migrate,
    open_mirror,
    orphans,
    remove_orphans,
    verify,
)
from inrbench.store.files import temporary
from inrbench.store.read import read_all_attempts

ATTEMPTS = 24
ARTIFACT_BYTES = 200_000
LATE = ("engine", "track", "training_json", "probes", "artifacts")
PSNR = Metric(id="psnr@test", unit="dB", higher_is_better=True)
PROTOCOL = Protocol(name="test", width=8, n_layers=2, epochs=3, lr=1e-3, lr_min=1e-4, metrics=("psnr@test",))
KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}


def make(results: Path, seeds: range, old: bool = False, artifacts: bool = True) -> None:
    """Fill a store with attempts of two methods, each with an artifact; ``old``: as earlier versions wrote them."""
    facts = replace(environment("cpu", 1, 1, ("abc", False)), load_average=0.5)
    for seed in seeds:
        spec = RunSpec(
            task="toy", task_version="1", signal="a", signal_sha256="0" * 64, method="siren" if seed % 2 else "msa",
            method_sha256="1" * 64, params={"omega": 30.0}, variant="", protocol="test", protocol_fingerprint="f" * 12, seed=seed,
            device_class="cpu",
        )  # fmt: skip
        content = random.Random(seed).randbytes(ARTIFACT_BYTES)
        kept = (
            keep_artifacts(results, lambda folder, content=content: (folder / "w.bin").write_bytes(content))
            if artifacts
            else ()
        )
        result = RunResult(spec=spec, status="ok", metrics=(Measurement(metric=PSNR, value=30.0 + seed),), artifacts=kept)
        now = datetime(2026, 1, 1, tzinfo=UTC)
        path = append(results, Attempt(
            result=result, protocol=PROTOCOL, plugin_origin="builtin", environment=facts, started_at=now, finished_at=now,
            attempt_id=f"{seed:024x}",
        ))  # fmt: skip
        if old:
            row = pq.read_table(path, partitioning=None).to_pylist()[0]
            path.unlink()
            aged = pa.Table.from_pylist([{**row, "run_id": f"{seed:064x}"}], schema=SCHEMA).drop_columns(list(LATE))
            pq.write_table(aged, path.with_name(f"{seed:064x}.{row['attempt_id']}.ok.parquet"))


@dataclass(frozen=True)
class Case:
    """A verb: how its store is made, what is carried out, and which folder then holds all attempts."""

    make: Callable[[Path], None]
    act: Callable[[Path], object]
    stored: str
    n_attempts: int = ATTEMPTS
    prepare: Callable[[Path], None] = lambda folder: None
    """Preparation of a copy before the command starts."""


def make_one(folder: Path) -> None:
    """Make a store."""
    make(folder / "results", range(ATTEMPTS))


def make_old(folder: Path) -> None:
    """Make a store as earlier versions wrote it."""
    make(folder / "results", range(ATTEMPTS), old=True, artifacts=False)


def make_two(folder: Path) -> None:
    """Make two stores."""
    make(folder / "results", range(ATTEMPTS // 2))
    make(folder / "other", range(ATTEMPTS // 2, ATTEMPTS))


def make_with_orphans(folder: Path) -> None:
    """Make a store with artifacts of no run that are three days old."""
    make_one(folder)
    for n in range(ATTEMPTS):
        (kept,) = keep_artifacts(folder / "results", lambda scratch, n=n: (scratch / "w.bin").write_bytes(bytes([n]) * 10_000))
        os.utime(folder / "results" / "artifacts" / kept.file, (time.time() - 3 * 24 * 3600,) * 2)


def fill_mirror(folder: Path) -> None:
    """Let the mirror hold what the results folder holds."""
    shutil.copytree(folder / "results", mirror_in(folder).folder, dirs_exist_ok=True)


def mirror_in(folder: Path) -> Mirror:
    """Return the mirror of a bucket of the folder's own; its cache lies in the folder."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    return open_mirror(f"s3://{_bucket(folder)}/x")


def _bucket(folder: Path) -> str:
    return f"b-{folder.name.replace('_', '-')}"


CASES = {
    "pack": Case(make_one, lambda folder: compact_in_place(folder / "results"), "results"),
    "merge": Case(make_two, lambda folder: import_attempts(folder / "other", folder / "results"), "results", ATTEMPTS // 2),
    "gc": Case(make_with_orphans, lambda folder: remove_orphans(folder / "results", orphans(folder / "results")[0]), "results"),
    "compact": Case(
        make_one, lambda folder: export_compact(folder / "results", folder / "published", artifacts=True), "results"
    ),
    "migrate": Case(make_old, lambda folder: migrate(folder / "results"), "results"),
    "exchange": Case(make_one, lambda folder: mirror_in(folder).sync(artifacts=True), "mirror", prepare=fill_mirror),
}


def begin(name: str, folder: Path, ready: "multiprocessing.synchronize.Event") -> None:
    """Run a store command in its own process, which is killed while it runs."""
    ready.set()
    CASES[name].act(folder)


def folders(folder: Path) -> dict[str, Path]:
    """Return the results folders below a folder, a mirror among them."""
    found = {"results": folder / "results", "published": folder / "published"}
    for path in folder.glob("cache/inrbench/mirrors/*"):
        found["mirror"] = path
    return found


Ends = dict[str, list[tuple[str, str]]]


def ends(folder: Path) -> Ends:
    """Return what every results folder holds: its attempts with their runs."""
    stored = {}
    for name, results in folders(folder).items():
        if results.is_dir():
            table, unreadable = read_all_attempts(results, ["run_id", "attempt_id"])
            assert not unreadable, unreadable
            stored[name] = sorted(zip(table["run_id"].to_pylist(), table["attempt_id"].to_pylist(), strict=True))
    return stored


def artifacts_of(folder: Path) -> set[str]:
    """Return the artifacts that lie in any results folder below a folder, mirrors included."""
    return {path.name for path in folder.rglob("artifacts/*") if path.is_file()}


def kill_once(name: str, base: Path, folder: Path, seconds: float, draw: random.Random) -> str:
    """Kill a verb on a copy of a store, look, and carry it out; return where it was killed."""
    case = CASES[name]
    shutil.copytree(base, folder)
    case.prepare(folder)
    context = multiprocessing.get_context("forkserver")
    ready = context.Event()
    process = context.Process(target=begin, args=(name, folder, ready))
    process.start()
    ready.wait()
    time.sleep(draw.uniform(0, 1.3 * seconds))
    alive = process.is_alive()
    process.kill()
    process.join()
    before = ends(folder)
    attempts = {attempt for _, attempt in before[case.stored]}
    assert len(attempts) >= case.n_attempts, f"{name}: {case.n_attempts - len(attempts)} attempts are lost"
    assert not verify(folder / "results").faults, verify(folder / "results").faults
    case.act(folder)
    return "while it ran" if alive else "after it had ended"


def compare(name: str, folder: Path, end: tuple[Ends, set[str]], wanted: tuple[Ends, set[str]]) -> None:
    """Raise AssertionError unless a folder is as if nobody had disturbed the verb."""
    for stored in end[0].values():
        attempts = [attempt for _, attempt in stored]
        assert len(attempts) == len(set(attempts)), f"{name}: an attempt is doubled"
    assert end == wanted, f"{name}: it ended otherwise than undisturbed"
    left = [path for results in folders(folder).values() if results.is_dir() for path in temporary(results)]
    assert not left, f"{name}: {left} are left"


@contextlib.contextmanager
def object_store() -> Iterator[None]:
    """Run a server of S3 for the block, and let this process and its children use it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        os.environ.update({**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"})
        while True:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        try:
            yield
        finally:
            server.kill()


def main() -> None:
    """Kill each verb in turn, and write what was seen."""
    kills, out = int(sys.argv[1]), Path(sys.argv[2])
    draw, seen = random.Random(0), Counter[str]()
    multiprocessing.set_forkserver_preload(["inrbench.store", "pyarrow.dataset", "pandas"])
    with object_store(), tempfile.TemporaryDirectory() as scratch:
        bases, wanted, seconds = {}, {}, {}
        for name, case in CASES.items():
            bases[name] = Path(scratch) / f"base-{name}"
            case.make(bases[name])
            whole = Path(scratch) / f"whole-{name}"
            shutil.copytree(bases[name], whole)
            _make_bucket(whole)
            case.prepare(whole)
            start = time.perf_counter()
            case.act(whole)
            seconds[name] = time.perf_counter() - start
            wanted[name] = ends(whole), artifacts_of(whole)
        for number in range(kills):
            name = list(CASES)[number % len(CASES)]
            folder = Path(scratch) / f"{name}-{number}"
            _make_bucket(folder)
            where = kill_once(name, bases[name], folder, seconds[name], draw)
            compare(name, folder, (ends(folder), artifacts_of(folder)), wanted[name])
            seen[f"{name}, {where}"] += 1
            shutil.rmtree(folder)
    report = {"kills": kills, "where": dict(sorted(seen.items())), "attempts each": ATTEMPTS, "lost": 0, "doubled": 0, "unreadable": 0,
            "out of order": 0, "temporary files left after the next command": 0}  # fmt: skip
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{report}\n")


def _make_bucket(folder: Path) -> None:
    bucket = _bucket(folder)
    FileSystem.from_uri(f"s3://{bucket}?allow_bucket_creation=true")[0].create_dir(bucket)


if __name__ == "__main__":
    main()
