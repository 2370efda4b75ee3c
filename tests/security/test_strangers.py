"""What comes from a stranger's results folder is looked at before it counts, and one bad file never stops a whole verb."""

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.errors import InrbenchError
from inrbench.spec import Artifact
from inrbench.store import append, keep_artifacts, merge, pack, read_runs, verify
from inrbench.store.schema import SCHEMA
from inrbench.store.write import as_parquet, packed_name


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
    merge(theirs, ours)
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
    assert "does not hold what its name says" in done.output
    assert not list((ours / "artifacts").glob("*"))


def test_a_row_that_claims_to_be_one_of_ours_hides_nothing(attempt, tmp_path):
    """It bears our run's id and other columns."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for seed in range(3):
        append(ours, attempt(seed=seed))
    mine = read_runs(ours).table.to_pylist()[0]
    bad = edited(theirs, append(theirs, attempt(seed=99)), run_id=mine["run_id"], attempt_id="f" * 24)
    good = append(theirs, attempt(seed=5))
    merged = merge(theirs, ours)
    assert "whose columns are those of run" in merged.refused[bad]
    assert good.exists()
    assert sorted(read_runs(ours).table["seed"].to_pylist()) == [0, 1, 2, 5]


def test_a_row_that_says_it_is_of_the_first_version_is_not_taken_at_its_word(attempt, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    append(ours, attempt(seed=0))
    mine = read_runs(ours).table.to_pylist()[0]
    bad = edited(theirs, append(theirs, attempt(seed=99)), run_id=mine["run_id"], attempt_id="f" * 24, engine=None, track=None)
    assert "first version" in merge(theirs, ours).refused[bad]
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
    merged = merge(theirs, tmp_path / "new")
    assert len(merged.refused) == 1
    assert read_runs(tmp_path / "new").table.num_rows == 1
    for words in (["list"], ["verify"], ["compact"], ["export", "-o", str(tmp_path / "x.csv")]):
        done = CliRunner().invoke(cli, ["results", *words, "--results", str(ours)], standalone_mode=False)
        assert done.exception is None, done.exception
    for words in (["status"], ["leaderboard"], ["leaderboard", "--format", "csv"], ["report", "-o", str(tmp_path / "site")]):
        done = CliRunner().invoke(cli, [*words, "--results", str(ours)], standalone_mode=False)
        assert done.exception is None, done.exception
    assert read_runs(ours).table.num_rows == 2


def test_a_packed_file_replaces_nothing_whose_content_is_another(attempt, tmp_path):
    """Somebody puts a file beside ours that claims our attempts."""
    paths = [append(tmp_path, attempt(seed=seed)) for seed in range(4)]
    rows = [pq.read_table(path, partitioning=None).to_pylist()[0] for path in paths]
    forged = as_parquet(pa.Table.from_pylist([{**row, "wall_seconds": 1e-9} for row in rows], schema=SCHEMA))
    (paths[0].parent / packed_name(forged)).write_bytes(forged)
    pack(tmp_path)
    assert all(path.exists() for path in paths)


def test_render_refuses_a_row_it_cannot_understand(attempt, tmp_path, monkeypatch):
    from inrbench.execute import revive
    from inrbench.registry import Registry

    registry = Registry()
    kept = keep_artifacts(tmp_path, lambda folder: (folder / "weights.safetensors").write_bytes(b"few"))
    one = attempt(task="photo", signal="camera", method_sha256=registry.source("method", "siren").sha256())
    append(tmp_path, replace(one, result=replace(one.result, artifacts=kept)))
    (row,) = read_runs(tmp_path).table.to_pylist()
    encoded = registry.task("photo").protocols["quick"].encoded()
    for held in ("[1]", "{}", json.dumps({**encoded, "extra": 1}), json.dumps({**encoded, "settings": 7})):
        with pytest.raises(InrbenchError) as error:
            revive({**row, "protocol_json": held}, tmp_path, registry)
        assert "\n" not in str(error.value)
    with pytest.raises(InrbenchError, match=r"cannot hold the weights of 4 layers of 200000"):
        revive({**row, "protocol_json": json.dumps({**encoded, "width": 200_000})}, tmp_path, registry)
