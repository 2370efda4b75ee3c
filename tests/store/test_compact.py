"""Compacting in place, merging, verification and orphans."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from inrbench.errors import StoreError
from inrbench.store import (
    SCHEMA,
    MergeResult,
    append,
    artifact_files,
    compact_in_place,
    export_compact,
    finished_runs,
    import_attempts,
    keep_artifacts,
    orphans,
    read_runs,
    remove_orphans,
    verify,
)
from inrbench.store.files import write_atomically
from inrbench.store.read import attempt_files
from inrbench.store.write import compacted_name, is_compacted, parquet_bytes, store_folder


def fill(attempt, results, seeds=range(6), **other):
    for seed in seeds:
        append(results, attempt(seed=seed, psnr=float(seed), **other))


def test_compacting_keeps_every_attempt_and_all_values(attempt, tmp_path):
    fill(attempt, tmp_path)
    fill(attempt, tmp_path, method="msa")
    append(tmp_path, attempt(seed=0, status="error"))
    before, finished = read_runs(tmp_path).table, finished_runs(tmp_path)
    assert sorted(compact_in_place(tmp_path).values()) == [6, 7]
    assert [is_compacted(path) for path in attempt_files(tmp_path)] == [True, True]
    assert read_runs(tmp_path).table.equals(before)
    assert finished_runs(tmp_path) == finished
    assert not verify(tmp_path).faults


def test_compacting_again_changes_nothing_unless_attempts_are_new(attempt, tmp_path):
    fill(attempt, tmp_path)
    compact_in_place(tmp_path)
    (packed,) = attempt_files(tmp_path)
    content = packed.read_bytes()
    assert compact_in_place(tmp_path) == {}
    assert packed.read_bytes() == content
    append(tmp_path, attempt(seed=9))
    assert finished_runs(tmp_path).keys() == set(read_runs(tmp_path).table["run_id"].to_pylist())
    ((path, n),) = compact_in_place(tmp_path).items()
    assert (n, attempt_files(tmp_path)) == (7, [path])
    assert path != packed


def test_newest_ok_attempt_counts_whether_compacted_or_not(attempt, tmp_path):
    append(tmp_path, attempt(psnr=1.0))
    append(tmp_path, attempt(status="timeout"))
    compact_in_place(tmp_path)
    append(tmp_path, attempt(psnr=3.0))
    append(tmp_path, attempt(status="error"))
    (row,) = read_runs(tmp_path).table.to_pylist()
    assert (row["status"], row["metrics"][0]["value"]) == ("ok", 3.0)
    assert list(finished_runs(tmp_path).values()) == ["ok"]


def test_compacting_leaves_unreadable_and_newer_files_in_place(attempt, tmp_path):
    fill(attempt, tmp_path)
    folder = attempt_files(tmp_path)[0].parent
    (folder / "bad.parquet").write_bytes(b"PAR1")
    wider = attempt(seed=8).table().append_column("from_the_future", pa.array([1]))
    write_atomically(parquet_bytes(wider), folder / "wider.parquet")
    (folder / "folder.parquet").mkdir()
    compact_in_place(tmp_path)
    assert {path.name for path in attempt_files(tmp_path) if not is_compacted(path)} == {
        "bad.parquet", "wider.parquet", "folder.parquet",
    }  # fmt: skip


def test_interrupted_compacting_loses_nothing(attempt, tmp_path, monkeypatch):
    fill(attempt, tmp_path)
    before = read_runs(tmp_path).table

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", die)
        with pytest.raises(KeyboardInterrupt):
            compact_in_place(tmp_path)
    assert read_runs(tmp_path).table.equals(before)
    compact_in_place(tmp_path)
    assert len(attempt_files(tmp_path)) == 1


WRITER = """
import sys
from pathlib import Path
from inrbench.errors import StoreError
from inrbench.store import compact_in_place
from inrbench.store.files import write_atomically
from inrbench.store.write import store_folder
made, results, own = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
for path in sorted(made.iterdir())[own::2]:
    write_atomically(path.read_bytes(), store_folder(results) / "task=toy" / "method=siren" / path.name)
    if own:
        compact_in_place(results)
"""


def test_readers_never_miss_a_run_during_writing_and_compacting(attempt, tmp_path):
    made, results = tmp_path / "made", tmp_path / "results"
    made.mkdir()
    store_folder(results).mkdir(parents=True)
    for seed in range(60):
        one = attempt(seed=seed)
        name = f"{one.result.spec.run_id}.{one.attempt_id}.ok.parquet"
        (made / name).write_bytes(parquet_bytes(one.table()))
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(made), str(results), own]) for own in "01"]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        read = read_runs(results, ["run_id"])
        assert not read.unreadable
        assert read.table.num_rows >= seen  # a run that was visible stays visible
        seen = read.table.num_rows
    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(finished_runs(results)) == read_runs(results).table.num_rows == 60
    assert not verify(results).faults


PACKER = """
import sys
from pathlib import Path
from inrbench.errors import StoreError
from inrbench.store import compact_in_place
for _ in range(1000):
    print("begins", flush=True)
    compact_in_place(Path(sys.argv[1]))
"""


def test_kill_9_during_compacting_loses_nothing(attempt, tmp_path):
    fill(attempt, tmp_path, range(40))
    for i, rounds in enumerate((1, 2, 4, 7)):
        packer = subprocess.Popen([sys.executable, "-c", PACKER, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(rounds):
            assert packer.stdout.readline() == b"begins\n"
        packer.kill()
        packer.wait()
        packer.stdout.close()
        assert read_runs(tmp_path).table.num_rows == 40 + i
        append(tmp_path, attempt(seed=100 + i))


def test_verify_reports_each_invalid_file(attempt, tmp_path):
    fill(attempt, tmp_path)
    compact_in_place(tmp_path)
    (packed,) = attempt_files(tmp_path)
    folder = packed.parent
    (folder / compacted_name(b"other")).write_bytes(packed.read_bytes())
    truncated = append(tmp_path, attempt(seed=20))
    truncated.write_bytes(truncated.read_bytes()[:-100])
    empty = append(tmp_path, attempt(seed=21))
    empty.write_bytes(b"")
    renamed = append(tmp_path, attempt(seed=22))
    renamed.rename(folder / renamed.name.replace(".ok.", ".error."))
    table = attempt(seed=23).table()
    column = table.schema.get_field_index("seed")
    edited = table.set_column(column, SCHEMA.field(column), pa.array([24], pa.int64()))
    name = f"{edited['run_id'][0]}.{edited['attempt_id'][0]}.ok.parquet"
    write_atomically(parquet_bytes(edited), folder / name)
    (folder / "folder.parquet").mkdir()
    verified = verify(tmp_path)
    reasons = {path.name: reason for path, reason in verified.faults.items()}
    assert len(reasons) == 6
    assert "a different digest" in reasons[compacted_name(b"other")]
    assert "contain the attempt in its name" in reasons[renamed.name.replace(".ok.", ".error.")]
    assert "whose columns are those of run" in reasons[name]
    assert {truncated.name, empty.name, "folder.parquet"} <= set(reasons)


def test_verify_reports_missing_and_changed_artifacts(attempt, tmp_path):
    kept = keep_artifacts(tmp_path, lambda folder: [(folder / n).write_text(n) for n in ("a.png", "b.png", "c.png")])
    one = attempt()
    append(tmp_path, replace(one, result=replace(one.result, artifacts=kept)))
    (tmp_path / "artifacts" / kept[0].file).unlink()
    (tmp_path / "artifacts" / kept[1].file).write_text("changed")
    faults = verify(tmp_path).faults
    assert {path.name: reason[:7] for path, reason in faults.items()} == {kept[0].file: "is gone", kept[1].file: "its con"}


def test_published_results_have_no_faults():
    published = Path(__file__).parents[2] / "results" / "published"
    verified = verify(published)
    assert verified.attempts > 500
    assert not verified.faults


def test_export_compact_reads_compacted_attempts(attempt, tmp_path):
    fill(attempt, tmp_path / "a")
    compact_in_place(tmp_path / "a")
    assert list(export_compact(tmp_path / "a", tmp_path / "p").written.values()) == [6]


def test_merge_adds_new_rows_unchanged_with_their_artifacts(attempt, tmp_path):
    kept = keep_artifacts(tmp_path / "b", lambda folder: (folder / "a.png").write_text("a"))
    one = attempt(seed=3)
    append(tmp_path / "b", replace(one, result=replace(one.result, artifacts=kept)))
    fill(attempt, tmp_path / "a", range(2))
    assert list(import_attempts(tmp_path / "b", tmp_path / "a").written.values()) == [1]
    assert import_attempts(tmp_path / "b", tmp_path / "a") == MergeResult()
    rows = {row["seed"]: row for row in read_runs(tmp_path / "a").table.to_pylist()}
    assert set(rows) == {0, 1, 3}
    assert rows[3] == read_runs(tmp_path / "b").table.to_pylist()[0]
    assert not verify(tmp_path / "a").faults
    assert list(import_attempts(tmp_path / "a", tmp_path / "new").written.values()) == [3]


@pytest.mark.parametrize("name", ["../../out", "/etc", "a/b", "..", "x\0y", "n" * 300, ""])
def test_names_cannot_lead_out_of_the_results_folder(attempt, tmp_path, name):
    with pytest.raises(StoreError, match="not a valid name of a method or task"):
        append(tmp_path / "a", attempt(method=name))
    other = tmp_path / "b"
    write_atomically(parquet_bytes(attempt(task=name).table()), store_folder(other) / "anybody.parquet")
    for use in (lambda: import_attempts(other, tmp_path / "a"), lambda: export_compact(other, tmp_path / "p")):
        merged = use()
        assert not merged.written
        assert "not a valid name of a method or task" in merged.refused[store_folder(other) / "anybody.parquet"]
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"anybody.parquet"}


def test_artifact_with_an_invalid_file_name_is_ignored(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "artifacts").mkdir()
    assert artifact_files(tmp_path, [{"name": "x", "file": "../secret"}, {"name": "y", "file": "/etc/passwd"}]) == {}


def test_orphans_are_old_files_that_no_row_needs(attempt, tmp_path):
    kept = keep_artifacts(tmp_path, lambda folder: [(folder / n).write_text(n) for n in ("a.png", "b.png", "c.png")])
    one = attempt()
    row = append(tmp_path, replace(one, result=replace(one.result, artifacts=kept[:1])))
    (row.parent / ".x.parquet.7.tmp").write_text("half")  # a name that earlier versions used
    (tmp_path / "artifacts" / ".being-written.abc").mkdir()
    assert orphans(tmp_path) == ({}, {})
    old = time.time() - 2 * 24 * 3600
    for path in [*(tmp_path / "artifacts").iterdir(), row.parent / ".x.parquet.7.tmp"]:
        os.utime(path, (old, old))
    os.utime(tmp_path / "artifacts" / kept[1].file)  # a run in progress may have written it
    found, _ = orphans(tmp_path)
    assert {path.name for path in found} == {".x.parquet.7.tmp", ".being-written.abc", kept[2].file}
    remove_orphans(tmp_path, found)
    assert orphans(tmp_path) == ({}, {})
    assert {path.name for path in (tmp_path / "artifacts").iterdir()} == {kept[0].file, kept[1].file}
    (row.parent / "bad.parquet").write_bytes(b"PAR1")
    found, unreadable = orphans(tmp_path)
    assert list(unreadable) == [row.parent / "bad.parquet"]
    assert not found, "the artifacts of the bad file are not known"
