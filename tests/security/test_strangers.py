"""What comes from a stranger's results folder is looked at before it counts, and one bad file never stops a whole verb."""

import json
import math
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from inrbench.analyse import comparable_runs
from inrbench.cli.main import cli
from inrbench.errors import InrbenchError
from inrbench.execute import load_run
from inrbench.execute.worker import execute
from inrbench.registry import Registry
from inrbench.spec import Artifact
from inrbench.store import append, compact_in_place, import_attempts, keep_artifacts, load_results, read_runs, verify
from inrbench.store.schema import SCHEMA, spec_of
from inrbench.store.write import compacted_name, parquet_bytes


def edited(results, path, **columns):
    """Rewrite a stored attempt with other values in some columns, under the name that they ask for."""
    (row,) = pq.read_table(path, partitioning=None).to_pylist()
    row = {**row, **columns}
    path.unlink()
    name = f"{row['run_id']}.{row['attempt_id']}.{row['status']}.parquet"
    pq.write_table(pa.Table.from_pylist([row], schema=SCHEMA), path.with_name(name))
    return path.with_name(name)


def test_a_strangers_file_never_takes_the_place_of_ones_own_artifact(attempt, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    kept = keep_artifacts(ours, lambda folder: (folder / "weights.safetensors").write_bytes(b"good"))
    one = attempt(seed=0)
    append(ours, replace(one, result=replace(one.result, artifacts=kept)))
    (theirs / "artifacts").mkdir(parents=True)
    (theirs / "artifacts" / kept[0].file).write_bytes(b"EVIL")
    two = attempt(seed=1)
    append(theirs, replace(two, result=replace(two.result, artifacts=kept)))
    import_attempts(theirs, ours)
    assert (ours / "artifacts" / kept[0].file).read_bytes() == b"good"
    assert not verify(ours).faults


def test_an_artifact_that_is_not_what_its_name_says_is_refused_and_named(attempt, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    (theirs / "artifacts").mkdir(parents=True)
    (theirs / "artifacts" / f"{'0' * 32}.png").write_bytes(b"EVIL")
    one = attempt()
    held = (Artifact(name="truth.png", file=f"{'0' * 32}.png", bytes=4),)
    append(theirs, replace(one, result=replace(one.result, artifacts=held)))
    done = CliRunner().invoke(cli, ["results", "merge", str(theirs), "--results", str(ours)], standalone_mode=False)
    assert done.return_value == 3
    assert "its content does not match its name" in done.output
    assert not list((ours / "artifacts").glob("*"))


def test_a_row_that_claims_to_be_one_of_ours_hides_nothing(attempt, tmp_path):
    """It bears our run's id and other columns."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for seed in range(3):
        append(ours, attempt(seed=seed))
    mine = read_runs(ours).table.to_pylist()[0]
    bad = edited(theirs, append(theirs, attempt(seed=99)), run_id=mine["run_id"], attempt_id="f" * 24)
    good = append(theirs, attempt(seed=5))
    merged = import_attempts(theirs, ours)
    assert "whose columns are those of run" in merged.refused[bad]
    assert good.exists()
    assert sorted(read_runs(ours).table["seed"].to_pylist()) == [0, 1, 2, 5]


def test_a_row_that_says_it_is_of_the_first_version_is_not_taken_at_its_word(attempt, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    append(ours, attempt(seed=0))
    mine = read_runs(ours).table.to_pylist()[0]
    bad = edited(theirs, append(theirs, attempt(seed=99)), run_id=mine["run_id"], attempt_id="f" * 24, engine=None, track=None)
    assert "first version" in import_attempts(theirs, ours).refused[bad]
    assert read_runs(ours).table["seed"].to_pylist() == [0]


ODD = {
    "a metric that is nothing": {"metrics": [None]},
    "a metric without a name": {"metrics": [{"id": None, "value": 1.0, "unit": "", "higher_is_better": True, "scale": "linear"}]},
    "an artifact without a name": {"artifacts": [{"name": None, "file": "x", "bytes": 1}]},
    "a point of a curve that is nothing": {"curve": [None]},
    "parameters that are no JSON": {"params_json": "{"},
    "parameters that are a list": {"params_json": "[1]"},
    "a protocol of a thousand levels": {"protocol_json": "[" * 1000 + "]" * 1000},
    "a text of a megabyte": {"message": "x" * 2**20},
    **{f"no {name}": {name: None} for name in (
        "device_class", "method", "method_sha256", "signal", "signal_sha256", "task", "protocol", "protocol_fingerprint",
        "protocol_json", "started_at", "finished_at", "seed", "status", "params_json", "variant", "metrics",
    )},
}  # fmt: skip


@pytest.mark.parametrize("what", ODD)
def test_a_bad_row_stops_no_verb_and_is_named(attempt, tmp_path, what):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    append(ours, attempt(seed=0))
    for folder in (ours, theirs):
        append(folder, attempt(seed=1))
        path = append(folder, attempt(seed=2))
        (row,) = pq.read_table(path, partitioning=None).to_pylist()
        pq.write_table(pa.Table.from_pylist([{**row, **ODD[what]}], schema=SCHEMA), path)
        assert path in verify(folder).faults
        assert path in read_runs(folder).unreadable
    merged = import_attempts(theirs, tmp_path / "new")
    assert len(merged.refused) == 1
    assert read_runs(tmp_path / "new").table.num_rows == 1
    for words in (["list"], ["verify"], ["compact"], ["export", "-o", str(tmp_path / "x.csv")]):
        done = CliRunner().invoke(cli, ["results", *words, "--results", str(ours)], standalone_mode=False)
        assert done.exception is None, done.exception
    for words in (["status"], ["leaderboard"], ["leaderboard", "--format", "csv"], ["report", "-o", str(tmp_path / "site")]):
        done = CliRunner().invoke(cli, [*words, "--results", str(ours)], standalone_mode=False)
        assert done.exception is None, done.exception
    assert read_runs(ours).table.num_rows == 2


MADE_UP = {
    "in the future": {"finished_at": datetime(2190, 1, 1, tzinfo=UTC)},
    "a negative seed": {"seed": -5},
    "a signal with a space behind it": {"signal": "a "},
    "a label that tells no parameter": {"variant": "renamed"},
    "a label that tells another value": {"variant": "omega=31.0"},
    "an end without a number": {"metrics": []},
    "not a number": {"metrics": [{"id": "psnr@test", "value": math.nan, "unit": "dB", "higher_is_better": True, "scale": "linear"}]},
    "an endless number": {"metrics": [{"id": "psnr@test", "value": math.inf, "unit": "dB", "higher_is_better": True, "scale": "linear"}]},
    "a metric twice": {"metrics": [{"id": "psnr@test", "value": value, "unit": "dB", "higher_is_better": True, "scale": "linear"}
                                   for value in (12.0, 99.0)]},
    "less than no parameters": {"n_params": -5},
    "less than no time": {"train_seconds": -1.0},
    "an attempt of the future": {"attempt_id": "f" * 24},
}  # fmt: skip


@pytest.mark.parametrize("what", MADE_UP)
def test_a_row_with_a_value_that_no_run_can_have_is_refused(attempt, tmp_path, what):
    """Its id is worked out again, so that nothing but the value is wrong."""
    path = append(tmp_path / "theirs", attempt())
    (row,) = pq.read_table(path, partitioning=None).to_pylist()
    row = {**row, **MADE_UP[what]}
    path.unlink()
    row["run_id"] = spec_of(row).run_id
    name = f"{row['run_id']}.{row['attempt_id']}.{row['status']}.parquet"
    pq.write_table(pa.Table.from_pylist([row], schema=SCHEMA), path.with_name(name))
    merged = import_attempts(tmp_path / "theirs", tmp_path / "ours")
    assert list(merged.refused) == [path.with_name(name)]
    assert not merged.written
    assert path.with_name(name) in verify(tmp_path / "theirs").faults


def test_a_row_whose_protocol_is_not_that_of_its_fingerprint_is_refused(tiny_jobs, settings, tmp_path):
    (job,) = tiny_jobs()
    execute(job, settings)
    assert not import_attempts(settings.results, tmp_path / "good").refused
    (path,) = (settings.results / "store").rglob("*.parquet")
    (row,) = pq.read_table(path, partitioning=None).to_pylist()
    protocol = json.loads(row["protocol_json"])
    edited(settings.results, path, protocol_json=json.dumps({**protocol, "epochs": 4_000_000, "width": 2048}))
    (fault,) = import_attempts(settings.results, tmp_path / "bad").refused.values()
    assert "whose protocol has the fingerprint" in fault


def test_a_row_of_a_built_in_signal_with_another_content_is_refused(tiny_jobs, settings, tmp_path):
    """It would be the newest content of the signal, and hide everybody's runs."""
    (job,) = tiny_jobs()
    execute(job, settings)
    (path,) = (settings.results / "store").rglob("*.parquet")
    (row,) = pq.read_table(path, partitioning=None).to_pylist()
    forged = {**row, "signal_sha256": "0" * 64}
    edited(settings.results, path, signal_sha256="0" * 64, run_id=spec_of(forged).run_id)
    (fault,) = import_attempts(settings.results, tmp_path / "ours").refused.values()
    assert "differs from the one here" in fault


def test_ones_own_finished_run_is_not_displaced_by_a_strangers_attempt_at_it(attempt, tmp_path):
    append(tmp_path / "ours", attempt(psnr=30.0))
    append(tmp_path / "theirs", attempt(psnr=50.0))
    merged = import_attempts(tmp_path / "theirs", tmp_path / "ours")
    assert (merged.written, merged.left_out) == ({}, 1)
    assert load_results(tmp_path / "ours")["psnr@test"].tolist() == [30.0]


def test_an_attempts_id_that_is_taken_by_another_content_is_named(attempt, tmp_path):
    path = append(tmp_path / "ours", attempt(psnr=30.0))
    (tmp_path / "theirs").mkdir()
    shutil.copytree(tmp_path / "ours" / "store", tmp_path / "theirs" / "store")
    edited(tmp_path / "theirs", tmp_path / "theirs" / path.relative_to(tmp_path / "ours"), wall_seconds=1e-9)
    (fault,) = import_attempts(tmp_path / "theirs", tmp_path / "ours").refused.values()
    assert "exists here with different content" in fault


def test_contents_of_a_signal_that_hide_each_other_are_told(attempt, tmp_path, caplog):
    append(tmp_path, attempt())
    append(tmp_path, attempt(signal_sha256="e" * 64, method="msa"))
    assert comparable_runs(tmp_path)
    assert "the signal a was run with several contents" in caplog.text


def test_a_time_that_is_none_stops_no_verb(attempt, tmp_path):
    path = append(tmp_path, attempt())
    table = pq.read_table(path, partitioning=None)
    place = table.column_names.index("finished_at")
    odd = pa.array([2**62], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    pq.write_table(table.set_column(place, "finished_at", odd), path)
    assert path in verify(tmp_path).faults
    assert path in read_runs(tmp_path).unreadable


@pytest.mark.parametrize("name", ["{id}.{attempt}.ok.parquet", "runs.0123456789abcdef.parquet"])
def test_a_pipe_in_the_place_of_a_file_hangs_nothing(attempt, tmp_path, name):
    path = append(tmp_path, attempt())
    append(tmp_path, attempt(seed=1))
    os.mkfifo(path.with_name(name.format(id="a" * 32, attempt="1" * 24)))
    assert list(compact_in_place(tmp_path).values()) == [2]
    assert len(verify(tmp_path).faults) == 1


def test_a_file_of_many_row_groups_and_one_with_a_giant_footer_are_refused(attempt, tmp_path):
    path = append(tmp_path, attempt())
    table = pq.read_table(path, partitioning=None)
    with pq.ParquetWriter(path.with_name("many.parquet"), table.schema) as writer:
        for _ in range(100):
            writer.write_table(table)
    sparse = path.with_name("sparse.parquet")
    with sparse.open("wb") as stream:
        stream.write(b"PAR1")
        stream.truncate(3 << 30)
        stream.seek(0, 2)
        stream.write((2**31 - 16).to_bytes(4, "little") + b"PAR1")
    unreadable = read_runs(tmp_path).unreadable
    assert "row groups" in unreadable[path.with_name("many.parquet")]
    assert "footer" in unreadable[sparse]


def test_a_store_that_is_a_file_is_named(tmp_path):
    (tmp_path / "store").write_text("")
    with pytest.raises(InrbenchError, match="is not a folder"):
        verify(tmp_path)


def test_a_text_that_is_no_text_stops_no_verb(attempt, tmp_path):
    path = append(tmp_path / "theirs", attempt(variant="here is a text"))
    assert path.read_bytes().count(b"here is a text") >= 1
    table = pq.read_table(path, partitioning=None)
    letters = table["variant"].combine_chunks().cast(pa.binary()).to_pylist()[0].replace(b"text", b"te\xb5t")
    odd = pa.Array.from_buffers(pa.string(), 1, pa.array([letters]).buffers())
    place = table.column_names.index("variant")
    pq.write_table(table.set_column(place, "variant", odd), path)
    assert path in verify(tmp_path / "theirs").faults
    assert path in import_attempts(tmp_path / "theirs", tmp_path / "ours").refused


def test_a_packed_file_replaces_nothing_whose_content_is_another(attempt, tmp_path):
    """Somebody puts a file beside ours that claims our attempts."""
    paths = [append(tmp_path, attempt(seed=seed)) for seed in range(4)]
    rows = [pq.read_table(path, partitioning=None).to_pylist()[0] for path in paths]
    forged = parquet_bytes(pa.Table.from_pylist([{**row, "wall_seconds": 1e-9} for row in rows], schema=SCHEMA))
    (paths[0].parent / compacted_name(forged)).write_bytes(forged)
    compact_in_place(tmp_path)
    assert all(path.exists() for path in paths)


def test_render_refuses_a_row_it_cannot_understand(attempt, tmp_path, monkeypatch):
    registry = Registry()
    kept = keep_artifacts(tmp_path, lambda folder: (folder / "weights.safetensors").write_bytes(b"few"))
    one = attempt(task="photo", signal="camera", method_sha256=registry.source("method", "siren").sha256())
    append(tmp_path, replace(one, result=replace(one.result, artifacts=kept)))
    (row,) = read_runs(tmp_path).table.to_pylist()
    encoded = registry.task("photo").protocols["quick"].encoded()
    for held in ("[1]", "{}", json.dumps({**encoded, "extra": 1}), json.dumps({**encoded, "settings": 7})):
        with pytest.raises(InrbenchError) as error:
            load_run({**row, "protocol_json": held}, tmp_path, registry)
        assert "\n" not in str(error.value)
    with pytest.raises(InrbenchError, match=r"cannot hold the weights of 4 layers of 200000"):
        load_run({**row, "protocol_json": json.dumps({**encoded, "width": 200_000})}, tmp_path, registry)
