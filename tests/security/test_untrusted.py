"""Results from untrusted sources are checked before use, and one bad file never stops a command."""

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
from inrbench.execute.loading import load_run
from inrbench.execute.worker import execute
from inrbench.registry import Registry
from inrbench.spec import Artifact
from inrbench.store import append, compact_in_place, import_attempts, keep_artifacts, load_results, read_runs, verify
from inrbench.store.schema import SCHEMA, spec_of
from inrbench.store.write import compacted_name, parquet_bytes


def edited(results, path, **columns):
    """Rewrite a stored attempt with other values in some columns, under the matching file name."""
    (row,) = pq.read_table(path, partitioning=None).to_pylist()
    row = {**row, **columns}
    path.unlink()
    name = f"{row['run_id']}.{row['attempt_id']}.{row['status']}.parquet"
    pq.write_table(pa.Table.from_pylist([row], schema=SCHEMA), path.with_name(name))
    return path.with_name(name)


def test_merge_never_replaces_an_existing_artifact(attempt, tmp_path):
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


def test_merge_refuses_an_artifact_with_wrong_content(attempt, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    (theirs / "artifacts").mkdir(parents=True)
    (theirs / "artifacts" / f"{'0' * 32}.png").write_bytes(b"EVIL")
    one = attempt()
    given = (Artifact(name="truth.png", file=f"{'0' * 32}.png", bytes=4),)
    append(theirs, replace(one, result=replace(one.result, artifacts=given)))
    done = CliRunner().invoke(cli, ["results", "merge", str(theirs), "--results", str(ours)], standalone_mode=False)
    assert done.return_value == 3
    assert "its content does not match its name" in done.output
    assert not list((ours / "artifacts").glob("*"))


def test_row_with_the_run_id_of_another_run_is_refused(attempt, tmp_path):
    """The row has the id of one of our runs and other columns."""
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


def test_row_that_falsely_claims_version_1_is_refused(attempt, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    append(ours, attempt(seed=0))
    mine = read_runs(ours).table.to_pylist()[0]
    bad = edited(theirs, append(theirs, attempt(seed=99)), run_id=mine["run_id"], attempt_id="f" * 24, engine=None, track=None)
    assert "first version" in import_attempts(theirs, ours).refused[bad]
    assert read_runs(ours).table["seed"].to_pylist() == [0]


ODD = {
    "a metric that is null": {"metrics": [None]},
    "a metric without a name": {"metrics": [{"id": None, "value": 1.0, "unit": "", "higher_is_better": True, "scale": "linear"}]},
    "an artifact without a name": {"artifacts": [{"name": None, "file": "x", "bytes": 1}]},
    "a point of a curve that is null": {"curve": [None]},
    "parameters that are not JSON": {"params_json": "{"},
    "parameters that are a list": {"params_json": "[1]"},
    "a protocol with a thousand levels": {"protocol_json": "[" * 1000 + "]" * 1000},
    "a text of one megabyte": {"message": "x" * 2**20},
    **{f"no {name}": {name: None} for name in (
        "device_class", "method", "method_sha256", "signal", "signal_sha256", "task", "protocol", "protocol_fingerprint",
        "protocol_json", "started_at", "finished_at", "seed", "status", "params_json", "variant", "metrics",
    )},
}  # fmt: skip


@pytest.mark.parametrize("what", ODD)
def test_bad_row_is_reported_and_stops_no_command(attempt, tmp_path, what):
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
    "a time in the future": {"finished_at": datetime(2190, 1, 1, tzinfo=UTC)},
    "a negative seed": {"seed": -5},
    "a signal with a trailing space": {"signal": "a "},
    "a label that names no parameter": {"variant": "renamed"},
    "a label with another value": {"variant": "omega=31.0"},
    "an ok run without metrics": {"metrics": []},
    "not a number": {"metrics": [{"id": "psnr@test", "value": math.nan, "unit": "dB", "higher_is_better": True, "scale": "linear"}]},
    "an infinite value": {"metrics": [{"id": "psnr@test", "value": math.inf, "unit": "dB", "higher_is_better": True, "scale": "linear"}]},
    "a metric twice": {"metrics": [{"id": "psnr@test", "value": value, "unit": "dB", "higher_is_better": True, "scale": "linear"}
                                   for value in (12.0, 99.0)]},
    "a negative number of parameters": {"n_params": -5},
    "a negative time": {"train_seconds": -1.0},
    "an attempt id from the future": {"attempt_id": "f" * 24},
}  # fmt: skip


@pytest.mark.parametrize("what", MADE_UP)
def test_row_with_an_impossible_value_is_refused(attempt, tmp_path, what):
    """The run id is computed again, so only the value is wrong."""
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


def test_row_whose_protocol_does_not_match_its_fingerprint_is_refused(tiny_jobs, settings, tmp_path):
    (job,) = tiny_jobs()
    execute(job, settings)
    assert not import_attempts(settings.results, tmp_path / "good").refused
    (path,) = (settings.results / "store").rglob("*.parquet")
    (row,) = pq.read_table(path, partitioning=None).to_pylist()
    protocol = json.loads(row["protocol_json"])
    edited(settings.results, path, protocol_json=json.dumps({**protocol, "epochs": 4_000_000, "width": 2048}))
    (fault,) = import_attempts(settings.results, tmp_path / "bad").refused.values()
    assert "whose protocol has the fingerprint" in fault


def test_row_with_wrong_content_of_a_built_in_signal_is_refused(tiny_jobs, settings, tmp_path):
    """It would be the newest content of the signal, and would hide all other runs."""
    (job,) = tiny_jobs()
    execute(job, settings)
    (path,) = (settings.results / "store").rglob("*.parquet")
    (row,) = pq.read_table(path, partitioning=None).to_pylist()
    forged = {**row, "signal_sha256": "0" * 64}
    edited(settings.results, path, signal_sha256="0" * 64, run_id=spec_of(forged).run_id)
    (fault,) = import_attempts(settings.results, tmp_path / "ours").refused.values()
    assert "differs from the one here" in fault


def test_merge_does_not_replace_a_finished_run(attempt, tmp_path):
    append(tmp_path / "ours", attempt(psnr=30.0))
    append(tmp_path / "theirs", attempt(psnr=50.0))
    merged = import_attempts(tmp_path / "theirs", tmp_path / "ours")
    assert (merged.written, merged.left_out) == ({}, 1)
    assert load_results(tmp_path / "ours")["psnr@test"].tolist() == [30.0]


def test_merge_refuses_a_known_attempt_id_with_different_content(attempt, tmp_path):
    path = append(tmp_path / "ours", attempt(psnr=30.0))
    (tmp_path / "theirs").mkdir()
    shutil.copytree(tmp_path / "ours" / "store", tmp_path / "theirs" / "store")
    edited(tmp_path / "theirs", tmp_path / "theirs" / path.relative_to(tmp_path / "ours"), wall_seconds=1e-9)
    (fault,) = import_attempts(tmp_path / "theirs", tmp_path / "ours").refused.values()
    assert "exists here with different content" in fault


def test_signal_with_several_contents_gives_a_warning(attempt, tmp_path, caplog):
    append(tmp_path, attempt())
    append(tmp_path, attempt(signal_sha256="e" * 64, method="msa"))
    assert comparable_runs(tmp_path)
    assert "the signal a was run with several contents" in caplog.text


def test_invalid_time_is_reported(attempt, tmp_path):
    path = append(tmp_path, attempt())
    table = pq.read_table(path, partitioning=None)
    place = table.column_names.index("finished_at")
    odd = pa.array([2**62], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    pq.write_table(table.set_column(place, "finished_at", odd), path)
    assert path in verify(tmp_path).faults
    assert path in read_runs(tmp_path).unreadable


@pytest.mark.parametrize("name", ["{id}.{attempt}.ok.parquet", "runs.0123456789abcdef.parquet"])
def test_named_pipe_in_place_of_a_file_does_not_block(attempt, tmp_path, name):
    path = append(tmp_path, attempt())
    append(tmp_path, attempt(seed=1))
    os.mkfifo(path.with_name(name.format(id="a" * 32, attempt="1" * 24)))
    assert list(compact_in_place(tmp_path).values()) == [2]
    assert len(verify(tmp_path).faults) == 1


def test_files_with_many_row_groups_or_a_huge_footer_are_refused(attempt, tmp_path):
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


def test_store_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "store").write_text("")
    with pytest.raises(InrbenchError, match="is not a folder"):
        verify(tmp_path)


def test_text_that_is_not_utf8_is_refused(attempt, tmp_path):
    path = append(tmp_path / "theirs", attempt(variant="here is a text"))
    assert path.read_bytes().count(b"here is a text") >= 1
    table = pq.read_table(path, partitioning=None)
    letters = table["variant"].combine_chunks().cast(pa.binary()).to_pylist()[0].replace(b"text", b"te\xb5t")
    odd = pa.Array.from_buffers(pa.string(), 1, pa.array([letters]).buffers())
    place = table.column_names.index("variant")
    pq.write_table(table.set_column(place, "variant", odd), path)
    assert path in verify(tmp_path / "theirs").faults
    assert path in import_attempts(tmp_path / "theirs", tmp_path / "ours").refused


def test_compacting_keeps_attempts_that_a_forged_file_claims(attempt, tmp_path):
    """A forged file in the same folder contains our attempt ids with other numbers."""
    paths = [append(tmp_path, attempt(seed=seed)) for seed in range(4)]
    rows = [pq.read_table(path, partitioning=None).to_pylist()[0] for path in paths]
    forged = parquet_bytes(pa.Table.from_pylist([{**row, "wall_seconds": 1e-9} for row in rows], schema=SCHEMA))
    (paths[0].parent / compacted_name(forged)).write_bytes(forged)
    compact_in_place(tmp_path)
    assert all(path.exists() for path in paths)


def test_load_run_refuses_invalid_protocols_in_one_line(attempt, tmp_path, monkeypatch):
    registry = Registry()
    kept = keep_artifacts(tmp_path, lambda folder: (folder / "weights.safetensors").write_bytes(b"few"))
    one = attempt(task="photo", signal="camera", method_sha256=registry.source("method", "siren").sha256())
    append(tmp_path, replace(one, result=replace(one.result, artifacts=kept)))
    (row,) = read_runs(tmp_path).table.to_pylist()
    encoded = registry.task("photo").protocols["quick"].encoded()
    for given in ("[1]", "{}", json.dumps({**encoded, "extra": 1}), json.dumps({**encoded, "settings": 7})):
        with pytest.raises(InrbenchError) as error:
            load_run({**row, "protocol_json": given}, tmp_path, registry)
        assert "\n" not in str(error.value)
    with pytest.raises(InrbenchError, match=r"cannot hold the weights of 4 layers of 200000"):
        load_run({**row, "protocol_json": json.dumps({**encoded, "width": 200_000})}, tmp_path, registry)
