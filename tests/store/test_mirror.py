"""Results in an object store, tested with a local S3 server."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.errors import BadValue, StoreError
from inrbench.store import append, compact_in_place, display_name, keep_artifacts, keep_synced, open_mirror, read_runs


def objects(remote):
    return set(remote._there())


def test_results_of_one_machine_are_read_on_another(attempt, machine):
    one, other = machine("one"), machine("other")
    path = append(one.folder, attempt())
    one.sync()
    other.sync()
    assert one.folder != other.folder
    assert (other.folder / path.relative_to(one.folder)).read_bytes() == path.read_bytes()
    assert display_name(other.folder) == other.uri


def test_artifacts_are_fetched_only_on_request(attempt, machine):
    one, other = machine("one"), machine("other")
    (artifact,) = kept = keep_artifacts(one.folder, lambda folder: (folder / "picture.png").write_bytes(b"1"))
    made = attempt()
    append(one.folder, replace(made, result=replace(made.result, artifacts=kept)))
    one.sync()
    other.sync()
    assert not (other.folder / "artifacts").exists()
    other.sync(artifacts=True)
    assert (other.folder / "artifacts" / artifact.file).read_bytes() == b"1"


def test_compacted_files_replace_their_sources_everywhere(attempt, machine):
    one, other = machine("one"), machine("other")
    for seed in range(5):
        append(one.folder, attempt(seed=seed))
    for each in (one, other, one):
        each.sync()
    append(other.folder, attempt(seed=9))
    compact_in_place(one.folder)
    one.sync()
    assert len(objects(one)) == 1
    other.sync()
    one.sync()
    assert len(objects(one)) == 2
    for each in (one, other):
        read = read_runs(each.folder)
        assert sorted(read.table["seed"].to_pylist()) == [0, 1, 2, 3, 4, 9]
        assert not read.unreadable
        assert {path.relative_to(each.folder).as_posix() for path in (each.folder / "store").rglob("*.parquet")} == {
            path.as_posix() for path in objects(one)
        }


def test_unreadable_compacted_file_replaces_nothing(attempt, machine):
    one = machine("one")
    path = append(one.folder, attempt())
    (path.parent / "runs.0123456789abcdef.parquet").write_bytes(path.read_bytes()[:-9])
    one.sync()
    one.sync()
    assert path.exists()
    assert len(objects(one)) == 2


def test_deleted_mirror_is_restored(attempt, machine):
    one = machine("one")
    append(one.folder, attempt())
    one.sync()
    shutil.rmtree(one.folder)
    again = machine("one")
    again.sync()
    assert read_runs(again.folder).table.num_rows == 1


def test_newer_tuned_recipe_replaces_the_older_one(machine):
    one, other = machine("one"), machine("other")
    recipe = Path("tuned/a.toml")
    (one.folder / "tuned").mkdir(parents=True)
    (one.folder / recipe).write_text("old")
    os.utime(one.folder / recipe, (1e9, 1e9))
    one.sync()
    other.sync()
    (other.folder / recipe).write_text("new")
    later = time.time() + 2  # S3 rounds times down to seconds
    os.utime(other.folder / recipe, (later, later))
    other.sync()
    one.sync()
    assert (one.folder / recipe).read_text() == "new"


def test_object_is_visible_only_when_complete(machine):
    one = machine("one")
    path = one.prefix / "store/v1/task=toy/method=siren/runs.0123456789abcdef.parquet"
    stream = one.filesystem.open_output_stream(str(path))
    stream.write(b"0" * (12 << 20))  # some parts are uploaded
    assert not objects(one)
    stream.close()
    assert len(objects(one)) == 1


def test_unsent_results_are_kept_and_sent_later(attempt, machine, endpoint, monkeypatch):
    one = machine("one")
    append(one.folder, attempt())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="the next command with the same --results sends it"):
        open_mirror(one.uri).sync()
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    open_mirror(one.uri).sync()
    assert len(objects(one)) == 1


def test_finished_runs_are_sent_while_a_suite_runs(attempt, machine, monkeypatch):
    monkeypatch.setattr("inrbench.store.mirror.PAUSE_SECONDS", 0.1)
    one = machine("one")
    with keep_synced(one.folder):
        append(one.folder, attempt())
        for _ in range(100):
            if objects(one):
                break
            time.sleep(0.1)
        assert len(objects(one)) == 1


def test_missing_bucket_is_refused_before_anything_runs(machine, uri, monkeypatch):
    machine("one")
    with (
        pytest.raises(StoreError, match="cannot write to s3://nobody-has-this"),
        keep_synced(open_mirror("s3://nobody-has-this/x").folder),
    ):
        pytest.fail("went on")


@pytest.mark.parametrize("text", ["s3://KEY:SECRET@bucket/x", "nowhere://bucket/x"])
def test_keys_in_addresses_and_unknown_schemes_are_refused(text, machine):
    machine("one")
    with pytest.raises(BadValue) as error:
        open_mirror(text)
    assert "SECRET@" not in str(error.value)


def test_second_machine_finds_all_runs_finished(machine, uri):
    command = ["run", "--methods", "siren,relu", "--tasks", "function1d", "--protocol", "quick", "--signals", "sin200",
               "--set", "epochs=4", "--set", "width=16", "--results", uri]  # fmt: skip
    machine("one")
    first = CliRunner().invoke(cli, command)
    assert first.exit_code == 0, first.output
    assert f"inrbench leaderboard --results {uri}" in first.output
    machine("other")
    second = CliRunner().invoke(cli, command)
    assert f"2 in {uri} already, 0 to do" in second.output
    leaderboard = CliRunner().invoke(cli, ["leaderboard", "--results", uri])
    assert "siren" in leaderboard.output
    checked = CliRunner().invoke(cli, ["results", "verify", "--results", uri])
    assert "none with a fault" in checked.output, checked.output
