import pytest

from inrbench.store import artifact_folder, keep_artifacts


def test_files_appear_together_and_replace_the_earlier_ones(tmp_path):
    def write(folder):
        (folder / "a.txt").write_text("1")
        assert not artifact_folder(tmp_path, "r").exists() or (artifact_folder(tmp_path, "r") / "old.txt").exists()

    first = keep_artifacts(tmp_path, "r", lambda folder: (folder / "old.txt").write_text("0"))
    assert first == artifact_folder(tmp_path, "r")
    keep_artifacts(tmp_path, "r", write)
    assert [file.name for file in first.iterdir()] == ["a.txt"]


def test_a_run_that_leaves_nothing_has_no_folder(tmp_path):
    assert keep_artifacts(tmp_path, "r", lambda folder: None) is None
    assert list((tmp_path / "artifacts").iterdir()) == []


def test_what_fails_halfway_leaves_the_earlier_files(tmp_path):
    keep_artifacts(tmp_path, "r", lambda folder: (folder / "old.txt").write_text("0"))

    def fail(folder):
        (folder / "half.txt").write_text("")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        keep_artifacts(tmp_path, "r", fail)
    assert [file.name for file in artifact_folder(tmp_path, "r").iterdir()] == ["old.txt"]
    assert len(list((tmp_path / "artifacts").iterdir())) == 1
