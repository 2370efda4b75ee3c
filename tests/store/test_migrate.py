"""Migration of stores of earlier versions to the current columns."""

import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from inrbench.store import append, compact_in_place, finished_runs, load_results, migrate, read_runs, verify
from inrbench.store.write import attempt_folder

OLD = ("engine", "track", "training_json", "artifacts")
"""Columns that earlier versions did not have."""


def remove_new_columns(path: Path) -> None:
    """Remove the columns that earlier versions did not write."""
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.drop_columns(list(OLD)), path)


def test_migrate_adds_the_new_columns_and_keeps_the_other_values(attempt, tmp_path):
    path = append(tmp_path, attempt(psnr=31.5))
    remove_new_columns(path)
    (before,) = read_runs(tmp_path).table.to_pylist()
    written, left = migrate(tmp_path)
    assert (list(written.values()), left) == ([1], {})
    (new,) = written
    assert not path.exists(), "its name contains the run id without an engine"
    (row,) = read_runs(tmp_path).table.to_pylist()
    assert (row["engine"], row["track"], row["training_json"]) == ("eager", "paper", "{}")
    changed = {"run_id", "engine", "track", "training_json"}
    assert {name: value for name, value in row.items() if name not in changed} == {
        name: value for name, value in before.items() if name not in changed
    }
    assert new.name.split(".")[0] == row["run_id"] == next(iter(finished_runs(tmp_path)))
    assert not verify(tmp_path).faults
    assert migrate(tmp_path) == ({}, {}), "there is nothing left to do"


def test_migrate_handles_compacted_and_published_files(attempt, tmp_path):
    for seed in range(3):
        append(tmp_path, attempt(seed=seed))
    (packed,) = compact_in_place(tmp_path)
    remove_new_columns(packed)
    ((new, n),) = migrate(tmp_path)[0].items()
    assert (n, packed.exists(), verify(tmp_path).faults) == (3, False, {})
    published = tmp_path / "published" / "toy" / "siren.parquet"
    published.parent.mkdir(parents=True)
    shutil.copy(new, published)
    remove_new_columns(published)
    assert list(migrate(tmp_path / "published")[0]) == [published]
    assert load_results(tmp_path / "published")["engine"].tolist() == ["eager"] * 3


def test_migrate_handles_the_stored_file_of_version_1(tmp_path):
    shutil.copy(Path(__file__).parent / "version1" / "run.parquet", tmp_path)
    before = load_results(tmp_path)
    (written, left) = migrate(tmp_path)
    assert (list(written.values()), left) == ([len(before)], {})
    assert set(load_results(tmp_path)["engine"]) == {"eager"}


def test_migrate_leaves_and_reports_files_it_cannot_read(attempt, tmp_path):
    good = append(tmp_path, attempt())
    remove_new_columns(good)
    newer = attempt_folder(tmp_path, "toy", "siren") / "newer.parquet"
    table = replace(attempt(seed=4)).table()
    position = table.column_names.index("schema_version")
    pq.write_table(table.set_column(position, "schema_version", pa.array([9], pa.int16())), newer)
    odd = append(tmp_path, attempt(seed=5))
    table = pq.read_table(odd, partitioning=None)
    position = table.column_names.index("params_json")
    pq.write_table(table.set_column(position, "params_json", pa.array(["no json"])), odd)
    content = newer.read_bytes(), odd.read_bytes()
    written, left = migrate(tmp_path)
    assert len(written) == 1
    assert "newer inrbench" in left[newer]
    assert "cannot be read" in left[odd]
    assert (newer.read_bytes(), odd.read_bytes()) == content
