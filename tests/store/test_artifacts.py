from dataclasses import replace

import pytest

from inrbench.store import append, artifact_files, artifact_folder, export_compact, keep_artifacts, read_runs


def writing(**files):
    def write(folder):
        for name, text in files.items():
            (folder / f"{name}.txt").write_text(text)

    return write


def test_files_are_named_by_content_and_stored_once(tmp_path):
    first = keep_artifacts(tmp_path, writing(a="same", b="other"))
    second = keep_artifacts(tmp_path, writing(a="same"), prefix="step-1/")
    assert [artifact.name for artifact in (*first, *second)] == ["a.txt", "b.txt", "step-1/a.txt"]
    assert first[0].file == second[0].file != first[1].file
    assert [artifact.bytes for artifact in first] == [4, 5]
    assert len(list(artifact_folder(tmp_path).iterdir())) == 2


def test_artifact_files_skips_missing_files(tmp_path):
    kept = keep_artifacts(tmp_path, writing(a="1", b="2"))
    (artifact_folder(tmp_path) / kept[1].file).unlink()
    row = [{"name": artifact.name, "file": artifact.file} for artifact in kept]
    assert {name: path.read_text() for name, path in artifact_files(tmp_path, row).items()} == {"a.txt": "1"}
    assert artifact_files(tmp_path, None) == {}


def test_failed_write_leaves_no_artifacts(tmp_path):
    def fail(folder):
        (folder / "half.txt").write_text("")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        keep_artifacts(tmp_path, fail)
    assert list(artifact_folder(tmp_path).iterdir()) == []


def test_export_compact_copies_artifacts_on_request(attempt, tmp_path):
    one = attempt()
    kept = keep_artifacts(tmp_path / "r", writing(a="1"))
    append(tmp_path / "r", replace(one, result=replace(one.result, artifacts=kept)))
    export_compact(tmp_path / "r", tmp_path / "p")
    (row,) = read_runs(tmp_path / "p").table.to_pylist()
    assert artifact_files(tmp_path / "p", row["artifacts"]) == {}
    export_compact(tmp_path / "r", tmp_path / "p", artifacts=True)
    assert [path.read_text() for path in artifact_files(tmp_path / "p", row["artifacts"]).values()] == ["1"]
