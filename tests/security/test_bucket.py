"""A bucket that others write to: every object is checked before use, and no address is read from a folder."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.store import (
    append,
    bucket_leases,
    claims_mirror,
    compact_in_place,
    display_name,
    keep_artifacts,
    lease_in_bucket,
    migrate,
    mirror_of,
    open_mirror,
    orphans,
    read_runs,
    remove_orphans,
)
from inrbench.store.read import read_all_attempts
from inrbench.store.schema import SCHEMA
from inrbench.store.write import compacted_name, parquet_bytes


def objects(remote):
    return set(remote._there())


def put(remote, path, content):
    with remote.filesystem.open_output_stream(str(remote.prefix / path)) as stream:
        stream.write(content)


def row_of(path):
    return pq.read_table(path, partitioning=None).to_pylist()[0]


FOLDER = PurePosixPath("store/v1/task=toy/method=siren")


@pytest.mark.parametrize("named_right", [False, True])
def test_forged_object_with_our_attempt_ids_removes_no_attempt(attempt, machine, named_right):
    one = machine("one")
    paths = [append(one.folder, attempt(seed=seed)) for seed in range(4)]
    one.sync()
    rows = [{**row_of(path), "run_id": "0" * 64, "wall_seconds": 1e-9} for path in paths]
    forged = parquet_bytes(pa.Table.from_pylist(rows, schema=SCHEMA))
    name = compacted_name(forged) if named_right else "runs.0000000000000000.parquet"
    put(one, FOLDER / name, forged)
    for _ in range(2):
        one.sync()
    assert all(path.exists() for path in paths)
    assert len(objects(one)) == 5
    assert sorted(read_runs(one.folder).table["seed"].to_pylist()) == [0, 1, 2, 3]
    assert (FOLDER / name) in one.refused


def test_valid_row_with_our_attempt_id_removes_nothing(attempt, machine):
    """The run id and the digest are correct; only the numbers differ."""
    one = machine("one")
    path = append(one.folder, attempt(seed=0))
    one.sync()
    forged = parquet_bytes(pa.Table.from_pylist([{**row_of(path), "wall_seconds": 1e-9}], schema=SCHEMA))
    put(one, FOLDER / compacted_name(forged), forged)
    for _ in range(2):
        one.sync()
    assert path.exists()
    assert path.relative_to(one.folder).as_posix() in {each.as_posix() for each in objects(one)}


@pytest.mark.parametrize("key", [
    "store/v1/a\\..\\..\\..\\evil.exe", "store/v1/../../../evil.parquet", f"store/v1/{'x' * 250}", "store/v1/task=toy",
    "artifacts/evil.html", "artifacts/.being-written.x/y", "leases/x.json", "tuned/sub/x.toml", "evil.txt", "store/evil.parquet",
])  # fmt: skip
def test_objects_with_unknown_names_are_never_fetched(attempt, machine, key):
    one = machine("one")
    append(one.folder, attempt())
    put(one, key, b"evil")
    one.sync(artifacts=True)
    assert not [path for path in one.folder.parent.rglob("*") if "evil" in path.name or "x" * 250 in path.name]
    assert read_runs(one.folder).table.num_rows == 1


def test_artifact_with_wrong_content_is_not_fetched(machine):
    one = machine("one")
    put(one, f"artifacts/{'0' * 32}.png", b"evil")
    one.sync(artifacts=True)
    assert not (one.folder / "artifacts" / f"{'0' * 32}.png").exists()
    assert "its content does not match its name" in str(one.refused)


def test_truncated_object_is_sent_again(attempt, machine):
    one, other = machine("one"), machine("other")
    path = append(one.folder, attempt())
    one.sync()
    put(one, path.relative_to(one.folder).as_posix(), b"")
    other.sync()
    assert read_runs(other.folder).table.num_rows == 0
    one.sync()
    other.sync()
    assert read_runs(other.folder).table.num_rows == 1


def remove_new_columns(path):
    """Remove the columns of later versions from a stored attempt, and give its run an old id."""
    table = pq.read_table(path, partitioning=None)
    row = table.to_pylist()[0]
    late = ("engine", "track", "training_json", "probes", "artifacts")
    old = pa.Table.from_pylist([{**row, "run_id": f"{row['seed']:064x}"}], schema=SCHEMA).drop_columns(list(late))
    path.unlink()
    pq.write_table(old, path.with_name(f"{row['seed']:064x}.{row['attempt_id']}.ok.parquet"))


@pytest.mark.parametrize("packed", [False, True])
def test_migrated_files_do_not_come_back_from_another_machine(attempt, machine, packed):
    one, other = machine("one"), machine("other")
    for seed in range(3):
        remove_new_columns(append(one.folder, attempt(seed=seed)))
    if packed:
        compact_in_place(one.folder)
    shutil.copytree(one.folder / "store", other.folder / "store")
    one.sync()
    migrate(one.folder)
    one.sync()
    for _ in range(2):
        other.sync()
        one.sync()
    for each in (one, other):
        read = read_runs(each.folder)
        assert sorted(read.table["seed"].to_pylist()) == [0, 1, 2]
        assert not read.table["engine"].null_count
    assert len(objects(one)) == (1 if packed else 3)


def test_removed_artifact_does_not_come_back_from_another_mirror(attempt, machine):
    one, other = machine("one"), machine("other")
    kept = keep_artifacts(one.folder, lambda folder: (folder / "p.png").write_bytes(b"picture"))
    made = attempt()
    path = append(one.folder, replace(made, result=replace(made.result, artifacts=kept)))
    one.sync()
    other.sync(artifacts=True)
    for each in (one, other):
        (each.folder / path.relative_to(one.folder)).unlink()
    one.remove([path])
    file = one.folder / "artifacts" / kept[0].file
    os.utime(file, (1.0, 1.0))
    one.remove(remove_orphans(one.folder, orphans(one.folder)[0]))
    other.sync()
    assert objects(one) == set()


def test_address_in_a_results_folder_is_not_used(attempt, tmp_path, monkeypatch):
    """A folder from an untrusted source claims to be a mirror."""
    append(tmp_path, attempt())
    (tmp_path / "mirror-of.txt").write_text("s3://b/p?endpoint_override=127.0.0.1:9&scheme=http")
    monkeypatch.setattr("pyarrow.fs.FileSystem", None)  # opening any address fails
    assert mirror_of(tmp_path) is None
    assert claims_mirror(tmp_path)
    assert display_name(tmp_path) == str(tmp_path)
    for words in (["status"], ["results", "gc", "--delete"], ["results", "migrate"], ["leaderboard"],
                  ["run", "--methods", "relu", "--tasks", "function1d", "--signals", "sin200", "--protocol", "quick",
                   "--set", "epochs=2", "--set", "width=8", "--device", "cpu"]):  # fmt: skip
        done = CliRunner().invoke(cli, [*words, "--results", str(tmp_path)], standalone_mode=False)
        assert done.exception is None, done.exception
        assert "nothing is sent there unless you name it" in done.output


def test_lease_in_a_bucket_has_one_owner_at_a_time(uri, monkeypatch):
    with lease_in_bucket(uri, "r") as ours:
        assert ours
        with lease_in_bucket(uri, "r") as again, lease_in_bucket(uri, "s") as other:
            assert not again
            assert other
    with lease_in_bucket(uri, "r") as ours:
        assert ours
        monkeypatch.setattr(bucket_leases, "STALE_SECONDS", -1.0)
        with lease_in_bucket(uri, "r") as taken:
            assert taken, "its owner counts as dead"
        monkeypatch.undo()
    with lease_in_bucket(uri, "r") as ours:
        assert ours


def test_lease_in_a_bucket_is_renewed_while_its_owner_works(uri, monkeypatch):
    monkeypatch.setattr(bucket_leases, "HEARTBEAT_SECONDS", 0.05)
    with lease_in_bucket(uri, "r"):
        client, bucket, key = bucket_leases._place(uri, "r")
        first = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        limit = time.monotonic() + 20
        while (again := client.get_object(Bucket=bucket, Key=key)["Body"].read()) == first and time.monotonic() < limit:
            time.sleep(0.05)
        assert again != first


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"x" * 2**20])
def test_invalid_lease_in_a_bucket_expires(uri, monkeypatch, content):
    client, bucket, key = bucket_leases._place(uri, "r")
    client.put_object(Bucket=bucket, Key=key, Body=content)
    with lease_in_bucket(uri, "r") as ours:
        assert not ours, "it was written just now"
    monkeypatch.setattr(bucket_leases, "STALE_SECONDS", -1.0)
    with lease_in_bucket(uri, "r") as ours:
        assert ours


@pytest.mark.slow
def test_two_machines_with_one_bucket_repeat_no_run(uri, tmp_path):
    """Two commands with separate caches start together; every run has one attempt in the bucket."""
    command = [sys.executable, "-m", "inrbench", "run", "--methods", "siren,relu", "--tasks", "function1d", "--protocol", "quick",
               "--signals", "sin200", "--seeds", "6", "--set", "epochs=300", "--set", "width=16", "--jobs", "1", "--device", "cpu",
               "--artifacts", "none", "--results", uri]  # fmt: skip
    machines = [
        subprocess.Popen(command, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / name)}, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
        for name in ("one", "other")
    ]  # fmt: skip
    said = [machine.communicate(timeout=300)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    remote = open_mirror(uri)
    remote.sync()
    table, unreadable = read_all_attempts(remote.folder, ["run_id", "attempt_id"])
    assert not unreadable
    assert table.num_rows == len(set(table["run_id"].to_pylist())) == 12, said
    assert all("12 of 12 runs: 12 ok" in text for text in said), said
    assert any("carried out by another command meanwhile" in text for text in said), said
