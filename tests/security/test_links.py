"""Symbolic links in a results folder are not followed: nothing outside the folder is read, copied or removed."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.errors import StoreError
from inrbench.execute.slurm import submissions
from inrbench.planning.recipes import read_recipes
from inrbench.registry import Registry
from inrbench.report.site import build_site
from inrbench.report.site.timings import read_timings
from inrbench.spec import Artifact
from inrbench.store import append, check_writable, import_attempts, lease, orphans, read_runs, remove_orphans, verify

OLD = time.time() - 3 * 24 * 3600


def set_old_times(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (OLD, OLD), follow_symlinks=False)


@pytest.fixture
def home(tmp_path):
    """A folder outside the results folder."""
    folder = tmp_path / "home"
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "thesis.tex").write_text("years of work")
    (folder / "notes.json").write_text("{}")
    set_old_times(folder)
    return folder


def all_paths(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize("name", ["leases", "artifacts", "store", "tuned"])
def test_gc_refuses_linked_folders_and_removes_nothing(attempt, home, tmp_path, name):
    results = tmp_path / "results"
    results.mkdir()
    (results / name).symlink_to(home)
    before = all_paths(home)
    done = CliRunner().invoke(cli, ["results", "gc", "--delete", "--results", str(results)])
    assert isinstance(done.exception, StoreError)
    assert "is a symbolic link, which is not followed" in str(done.exception)
    assert all_paths(home) == before


def test_gc_removes_only_files_with_known_names(attempt, tmp_path):
    append(tmp_path, attempt())
    for name in ("leases/docs/thesis.tex", "leases/notes.txt", "artifacts/holiday.jpg", "artifacts/.cache/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
    (tmp_path / "leases" / "dead.json").write_text("{}")
    (tmp_path / "artifacts" / f"{'0' * 32}.png").symlink_to(tmp_path / "leases" / "notes.txt")
    set_old_times(tmp_path)
    found, _ = orphans(tmp_path)
    assert [path.name for path in found] == ["dead.json"]
    remove_orphans(tmp_path, found)
    assert (tmp_path / "leases/docs/thesis.tex").exists()
    assert not (tmp_path / "leases/dead.json").exists()


def test_linked_artifact_is_not_copied(attempt, home, tmp_path):
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    name = f"{'ab' * 16}.mp4"
    (theirs / "artifacts").mkdir(parents=True)
    (theirs / "artifacts" / name).symlink_to(home / "docs" / "thesis.tex")
    one = attempt()
    linked = (Artifact(name="reconstruction.mp4", file=name, bytes=13),)
    append(theirs, replace(one, result=replace(one.result, artifacts=linked)))
    import_attempts(theirs, ours)
    assert not list((ours / "artifacts").glob("*"))
    assert "is a symbolic link" in str(verify(theirs).faults)
    build_site(theirs, tmp_path / "site", Registry())
    assert b"years of work" not in b"".join(path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file())


def test_linked_result_file_is_skipped_and_reported(attempt, tmp_path):
    path = append(tmp_path / "elsewhere", attempt(seed=1))
    good = append(tmp_path / "results", attempt(seed=0))
    link = good.with_name("runs.0123456789abcdef.parquet")
    link.symlink_to(path)
    read = read_runs(tmp_path / "results")
    assert read.table["seed"].to_pylist() == [0]
    assert "symbolic link" in read.unreadable[link]


@pytest.mark.parametrize("name", ["store", "store/v1", "store/v1/task=toy", "store/v1/task=toy/method=siren"])
def test_rows_are_not_written_through_links(attempt, home, tmp_path, name):
    results = tmp_path / "results"
    (results / name).parent.mkdir(parents=True)
    (results / name).symlink_to(home)
    before = all_paths(home)
    with pytest.raises(StoreError, match="symbolic link"):
        append(results, attempt())
    assert all_paths(home) == before


def test_linked_folders_are_not_read(home, tmp_path):
    for name in ("tuned", "submissions", "leases"):
        (tmp_path / "results").mkdir(exist_ok=True)
        (tmp_path / "results" / name).symlink_to(home)
    with pytest.raises(StoreError, match="symbolic link"):
        read_recipes(tmp_path / "results", "quick")
    with pytest.raises(StoreError, match="symbolic link"):
        submissions(tmp_path / "results")
    with pytest.raises(StoreError, match="symbolic link"), lease(tmp_path / "results", "r"):
        pytest.fail("went on")
    (tmp_path / "results" / "profile").symlink_to(home)
    assert read_timings(tmp_path / "results") == []


def test_results_folder_may_be_a_link(attempt, tmp_path):
    (tmp_path / "big-disk").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "big-disk")
    check_writable(tmp_path / "results")
    append(tmp_path / "results", attempt())
    assert read_runs(tmp_path / "results").table.num_rows == 1
