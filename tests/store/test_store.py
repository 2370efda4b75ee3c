import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import inrbench
from inrbench.errors import StoreError
from inrbench.spec import Cost
from inrbench.store import (
    SCHEMA,
    Environment,
    append,
    attempts_of,
    check_writable,
    export_compact,
    finished_runs,
    load_results,
    new_attempt,
    newly_finished,
    read_runs,
)
from inrbench.store.files import write_atomically
from inrbench.store.schema import COST, ENVIRONMENT
from inrbench.store.write import parquet_bytes, store_folder


def test_schema_has_a_column_for_every_field(attempt):
    assert set(attempt().row()) == set(SCHEMA.names)
    assert [f.name for f in fields(Cost)] == list(COST)
    assert [f.name for f in fields(Environment)] == list(ENVIRONMENT)


def test_attempt_is_read_as_it_was_stored(attempt, tmp_path):
    stored = attempt(psnr=31.5, seed=4)
    path = append(tmp_path, stored)
    assert path.parent == store_folder(tmp_path) / "task=toy" / "method=siren"
    assert path.name == f"{stored.result.spec.run_id}.{stored.attempt_id}.ok.parquet"
    (row,) = read_runs(tmp_path).table.to_pylist()
    assert row == stored.table().to_pylist()[0]
    assert (row["metrics"][0]["value"], row["seed"], json.loads(row["params_json"])) == (31.5, 4, {"omega": 30.0})


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e-300])
def test_unusual_floats_survive(attempt, tmp_path, value):
    append(tmp_path, attempt(psnr=value))
    (row,) = read_runs(tmp_path).table.to_pylist()
    assert str(row["metrics"][0]["value"]) == str(value)


def test_newest_ok_attempt_counts(attempt, tmp_path):
    for psnr, status in ((1.0, "error"), (2.0, "ok"), (3.0, "ok"), (4.0, "timeout")):
        append(tmp_path, attempt(psnr=psnr, status=status))
    (row,) = read_runs(tmp_path).table.to_pylist()
    assert row["metrics"][0]["value"] == 3.0
    assert finished_runs(tmp_path) == {row["run_id"]: "ok"}


def test_newest_attempt_counts_if_none_is_ok(attempt, tmp_path):
    for status in ("error", "timeout"):
        append(tmp_path, attempt(status=status))
    assert list(finished_runs(tmp_path).values()) == ["timeout"]
    assert read_runs(tmp_path).table["status"].to_pylist() == ["timeout"]


def test_newly_finished_runs_are_found_although_clocks_differ(attempt, tmp_path):
    known, other = attempt(status="error"), attempt(status="error", seed=1)
    append(tmp_path, known)
    append(tmp_path, other)
    run = known.result.spec.run_id
    assert attempts_of(tmp_path, {run}) == [known.attempt_id]
    assert set(newly_finished(tmp_path, {known.attempt_id})) == {other.result.spec.run_id}
    assert new_attempt(tmp_path, "toy", "siren", run, {known.attempt_id}) is None
    late = replace(attempt(), attempt_id="0" * 24)  # by its clock, much older than the others
    append(tmp_path, late)
    assert newly_finished(tmp_path, {known.attempt_id})[run] == "ok"
    assert new_attempt(tmp_path, "toy", "siren", run, {known.attempt_id})["attempt_id"] == late.attempt_id


def test_clock_set_back_during_a_run_gives_no_negative_time(attempt, tmp_path):
    now = datetime.now(UTC)
    append(tmp_path, replace(attempt(), started_at=now, finished_at=now - timedelta(hours=1)))
    (row,) = read_runs(tmp_path).table.to_pylist()
    assert row["started_at"] == row["finished_at"] == now


def test_results_load_as_data_frames(attempt, tmp_path):
    append(tmp_path, attempt(psnr=31.5))
    append(tmp_path, attempt(psnr=None, seed=1))
    append(tmp_path, attempt(status="diverged", seed=2))
    runs = inrbench.load_results(tmp_path).sort_values("seed")
    assert runs["psnr@test"].tolist()[0] == 31.5
    assert runs["psnr@test"].isna().tolist() == [False, True, True]
    assert runs["status"].tolist() == ["ok", "ok", "diverged"]
    metrics = load_results(tmp_path, "metrics")
    assert sorted(metrics["id"]) == ["mse@test", "mse@test", "psnr@test", "psnr@test"]
    assert "seed" in metrics
    curves = load_results(tmp_path, "curves")
    assert curves[["seed", "step", "train_seconds", "loss", "value"]].values.tolist() == [
        [0, 7, 0.5, 0.25, 12.0],
        [1, 7, 0.5, 0.25, 12.0],
    ]


def test_unreadable_files_are_skipped_and_reported(attempt, tmp_path):
    append(tmp_path, attempt())
    folder = store_folder(tmp_path) / "task=toy"
    (folder / "bad.parquet").write_bytes(b"PAR1 not really")
    (folder / "empty.parquet").touch()
    (folder / ".half.parquet.123.tmp").write_bytes(b"PAR1")
    (folder / ".hidden.parquet").write_bytes(b"x")
    (folder / "folder.parquet").mkdir()
    read = read_runs(tmp_path)
    assert read.table.num_rows == 1
    assert {path.name for path in read.unreadable} == {"bad.parquet", "empty.parquet", "folder.parquet"}


def test_foreign_and_newer_files_are_skipped_and_reported(attempt, tmp_path):
    append(tmp_path, attempt())
    folder = store_folder(tmp_path) / "task=toy"
    newer = attempt(seed=7).table()
    column = newer.schema.get_field_index("schema_version")
    newer = newer.set_column(column, SCHEMA.field(column), pa.array([2], pa.int16()))
    write_atomically(parquet_bytes(newer), folder / "newer.parquet")
    write_atomically(parquet_bytes(pa.table({"price": [1.0]})), folder / "foreign.parquet")
    read = read_runs(tmp_path)
    assert read.table["seed"].to_pylist() == [0]
    reasons = {path.name: reason for path, reason in read.unreadable.items()}
    assert set(reasons) == {"newer.parquet", "foreign.parquet"}
    assert "newer inrbench: schema version 2" in reasons["newer.parquet"]
    assert "not a results file of inrbench" in reasons["foreign.parquet"]


def test_older_files_give_null_for_missing_columns(attempt, tmp_path):
    """A column added later is null in old rows; an unknown column of a newer version is ignored."""
    table = attempt().table().drop_columns(["load_average", "tf32"]).append_column("from_the_future", pa.array([1]))
    write_atomically(parquet_bytes(table), store_folder(tmp_path) / "task=toy" / "old.parquet")
    (row,) = read_runs(tmp_path).table.to_pylist()
    assert row["load_average"] is None
    assert row["method"] == "siren"
    assert "from_the_future" not in row


def test_published_file_of_version_1_can_be_read():
    """The first version wrote this file. If this test fails, published results can no longer be read."""
    runs = load_results(Path(__file__).parent / "version1")
    assert runs[["task", "method", "status", "steps"]].values.tolist() == [["function1d", "relu", "ok", 3]]
    assert runs["mse@train"][0] == pytest.approx(0.50294, abs=1e-4)
    assert len(load_results(Path(__file__).parent / "version1", "curves")) == 3


def test_column_types_of_version_1_do_not_change():
    kinds = {name: str(SCHEMA.field(name).type) for name in SCHEMA.names}
    assert kinds["metrics"] == (
        "list<item: struct<id: string, value: double, unit: string, higher_is_better: bool, scale: string, note: string>>"
    )
    assert kinds["curve"] == "list<item: struct<step: int64, train_seconds: double, loss: double, lr: double, value: double>>"
    assert [kinds[n] for n in ("run_id", "seed", "wall_seconds", "started_at")] == [
        "string",
        "int64",
        "double",
        "timestamp[us, tz=UTC]",
    ]


def test_export_compact_is_deterministic_and_readable(attempt, tmp_path):
    for method in ("siren", "msa"):
        for seed in (2, 0, 1):
            append(tmp_path / "a", attempt(method=method, seed=seed))
    append(tmp_path / "a", attempt(status="error", seed=0))
    written = export_compact(tmp_path / "a", tmp_path / "p").written
    assert {path.relative_to(tmp_path / "p").as_posix(): n for path, n in written.items()} == {
        "toy/msa.parquet": 3, "toy/siren.parquet": 3,
    }  # fmt: skip
    content = {path: path.read_bytes() for path in written}
    assert export_compact(tmp_path / "a", tmp_path / "p").written == written
    assert {path: path.read_bytes() for path in written} == content
    assert read_runs(tmp_path / "p").table.num_rows == 6
    assert pq.read_metadata(next(iter(written))).num_row_groups == 1


def test_export_compact_adds_to_published_files(attempt, tmp_path):
    append(tmp_path / "a", attempt(seed=0, psnr=1.0))
    export_compact(tmp_path / "a", tmp_path / "p")
    append(tmp_path / "b", attempt(seed=1, psnr=2.0))
    append(tmp_path / "b", attempt(seed=0, psnr=3.0))
    export_compact(tmp_path / "b", tmp_path / "p")
    assert load_results(tmp_path / "p").sort_values("seed")["psnr@test"].tolist() == [3.0, 2.0]
    assert export_compact(tmp_path / "b", tmp_path / "q", tasks=["other"]).written == {}


def test_export_compact_does_not_overwrite_unreadable_files(attempt, tmp_path):
    append(tmp_path / "a", attempt())
    published = tmp_path / "p" / "toy" / "siren.parquet"
    published.parent.mkdir(parents=True)
    published.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(StoreError, match=r"siren\.parquet cannot be read .*repair or remove it first"):
        export_compact(tmp_path / "a", tmp_path / "p")
    assert published.read_text().startswith("version")


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may read everything")
def test_folder_without_permission_is_refused(tmp_path):
    (tmp_path / "store").mkdir(mode=0)
    for use in (finished_runs, read_runs):
        with pytest.raises(StoreError, match="cannot read"):
            use(tmp_path)


def test_numpy_numbers_and_invalid_text_are_made_storable(attempt, tmp_path):
    odd = attempt(psnr=np.float32(3.5))
    append(tmp_path, replace(odd, result=replace(odd.result, message="caf\udce9")))
    (row,) = read_runs(tmp_path).table.to_pylist()
    assert (row["metrics"][0]["value"], row["message"]) == (3.5, "caf?")


def test_missing_or_unwritable_folder_is_refused(tmp_path, attempt):
    with pytest.raises(StoreError, match=r"no results folder .*Make one with: inrbench run"):
        read_runs(tmp_path / "absent")
    (tmp_path / "file").touch()
    for use in (check_writable, lambda folder: append(folder, attempt())):
        with pytest.raises(StoreError, match=r"cannot write to .*Choose another folder with --results"):
            use(tmp_path / "file")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows numbers files differently")
def test_appended_file_and_its_folder_are_flushed(attempt, tmp_path, monkeypatch):
    """It is renamed, not copied: readers never see a part of it. The flush of the folder makes the name survive a power cut."""
    flushed = []

    def spy(handle: int) -> None:
        flushed.append(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", spy)
    path = append(tmp_path, attempt())
    assert flushed == [path.stat().st_ino, path.parent.stat().st_ino]


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_failed_write_leaves_no_files(attempt, tmp_path, monkeypatch, step):
    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*{"open": (Path, "open", fail), "fsync": (os, "fsync", fail), "replace": (Path, "replace", fail)}[step])
    with pytest.raises(StoreError, match="No space left on device. Choose another folder"):
        append(tmp_path, attempt())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


WRITER = """
import sys
from pathlib import Path
import numpy as np
import pyarrow as pa
from inrbench.store.files import write_atomically
from inrbench.store.write import parquet_bytes
table = pa.table({"x": list(range(200_000))})
folder = Path(sys.argv[1])
for i in range(10_000):
    print("writes", i, flush=True)
    write_atomically(parquet_bytes(table), folder / f"{i}.parquet")
"""


def test_kill_9_during_writing_leaves_only_complete_files(tmp_path):
    for files in (2, 5, 9):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(files):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        for path in tmp_path.glob("[!.]*.parquet"):
            assert pq.read_table(path).num_rows == 200_000
    assert list(tmp_path.glob("[!.]*.parquet"))


def test_every_cost_is_stored(attempt):
    assert set(asdict(Cost())) <= set(attempt().row())
