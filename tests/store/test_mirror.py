"""Results in an object store, against a server of its own on this machine."""

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


def test_what_one_machine_measured_another_reads(attempt, machine):
    one, other = machine("one"), machine("other")
    path = append(one.folder, attempt())
    one.sync()
    other.sync()
    assert one.folder != other.folder
    assert (other.folder / path.relative_to(one.folder)).read_bytes() == path.read_bytes()
    assert display_name(other.folder) == other.uri


def test_artifacts_are_fetched_only_when_asked_for(attempt, machine):
    one, other = machine("one"), machine("other")
    (held,) = kept = keep_artifacts(one.folder, lambda folder: (folder / "picture.png").write_bytes(b"1"))
    made = attempt()
    append(one.folder, replace(made, result=replace(made.result, artifacts=kept)))
    one.sync()
    other.sync()
    assert not (other.folder / "artifacts").exists()
    other.sync(artifacts=True)
    assert (other.folder / "artifacts" / held.file).read_bytes() == b"1"


def test_merged_files_take_the_place_of_their_sources_everywhere(attempt, machine):
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


def test_a_merged_file_that_cannot_be_read_supersedes_nothing(attempt, machine):
    one = machine("one")
    path = append(one.folder, attempt())
    (path.parent / "runs.0123456789abcdef.parquet").write_bytes(path.read_bytes()[:-9])
    one.sync()
    one.sync()
    assert path.exists()
    assert len(objects(one)) == 2


def test_a_mirror_that_was_deleted_comes_back(attempt, machine):
    one = machine("one")
    append(one.folder, attempt())
    one.sync()
    shutil.rmtree(one.folder)
    again = machine("one")
    again.sync()
    assert read_runs(again.folder).table.num_rows == 1


def test_of_a_tuned_recipe_the_newer_one_holds(machine):
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


def test_an_object_is_there_whole_or_not_at_all(machine):
    one = machine("one")
    path = one.prefix / "store/v1/task=toy/method=siren/runs.0123456789abcdef.parquet"
    stream = one.filesystem.open_output_stream(str(path))
    stream.write(b"0" * (12 << 20))  # parts are on their way
    assert not objects(one)
    stream.close()
    assert len(objects(one)) == 1


def test_what_could_not_be_sent_is_kept_and_sent_later(attempt, machine, endpoint, monkeypatch):
    one = machine("one")
    append(one.folder, attempt())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="the next command with the same --results sends it"):
        open_mirror(one.uri).sync()
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    open_mirror(one.uri).sync()
    assert len(objects(one)) == 1


def test_while_a_suite_runs_what_ends_is_sent(attempt, machine, monkeypatch):
    monkeypatch.setattr("inrbench.store.mirror.PAUSE_SECONDS", 0.1)
    one = machine("one")
    with keep_synced(one.folder):
        append(one.folder, attempt())
        for _ in range(100):
            if objects(one):
                break
            time.sleep(0.1)
        assert len(objects(one)) == 1


def test_a_bucket_that_is_not_there_is_refused_before_anything_runs(machine, uri, monkeypatch):
    machine("one")
    with (
        pytest.raises(StoreError, match="cannot write to s3://nobody-has-this"),
        keep_synced(open_mirror("s3://nobody-has-this/x").folder),
    ):
        pytest.fail("went on")


@pytest.mark.parametrize("text", ["s3://KEY:SECRET@bucket/x", "nowhere://bucket/x"])
def test_keys_and_unknown_schemes_are_refused_in_one_line(text, machine):
    machine("one")
    with pytest.raises(BadValue) as error:
        open_mirror(text)
    assert "SECRET@" not in str(error.value)


def test_another_machine_finds_everything_done(machine, uri):
    command = ["run", "--methods", "siren,relu", "--tasks", "function1d", "--protocol", "quick", "--signals", "sin200",
               "--set", "epochs=4", "--set", "width=16", "--results", uri]  # fmt: skip
    machine("one")
    first = CliRunner().invoke(cli, command)
    assert first.exit_code == 0, first.output
    assert f"inrbench leaderboard --results {uri}" in first.output
    machine("other")
    second = CliRunner().invoke(cli, command)
    assert f"2 in {uri} already, 0 to do" in second.output
    board = CliRunner().invoke(cli, ["leaderboard", "--results", uri])
    assert "siren" in board.output
    checked = CliRunner().invoke(cli, ["results", "verify", "--results", uri])
    assert "none with a fault" in checked.output, checked.output
