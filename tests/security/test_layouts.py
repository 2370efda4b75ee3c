"""Published results and a store in one folder are read together, and no artifact of either is an orphan."""

import os
import time
from dataclasses import replace

from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.store import (
    append,
    compact_in_place,
    export_compact,
    finished_runs,
    import_attempts,
    keep_artifacts,
    migrate,
    orphans,
    read_runs,
    remove_orphans,
    verify,
)
from inrbench.store.read import attempt_files


def published(attempt, folder, seeds=range(3)):
    """Create a published folder whose runs have a picture."""
    made = folder.with_name("made")
    kept = keep_artifacts(made, lambda scratch: (scratch / "picture.png").write_bytes(b"picture"))
    for seed in seeds:
        one = attempt(seed=seed)
        append(made, replace(one, result=replace(one.result, artifacts=kept)))
    export_compact(made, folder, artifacts=True)
    for path in (folder / "artifacts").iterdir():
        os.utime(path, (time.time() - 3 * 24 * 3600,) * 2)
    return kept


def test_run_added_to_a_published_folder_hides_nothing(attempt, tmp_path):
    folder = tmp_path / "published"
    kept = published(attempt, folder)
    append(folder, attempt(seed=7, method="msa"))
    assert sorted(read_runs(folder).table["seed"].to_pylist()) == [0, 1, 2, 7]
    assert len(finished_runs(folder)) == 4
    assert verify(folder).attempts == 4
    assert orphans(folder) == ({}, {})
    CliRunner().invoke(cli, ["results", "gc", "--delete", "--results", str(folder)])
    assert (folder / "artifacts" / kept[0].file).exists()


def test_published_folder_inside_a_results_folder_is_separate(attempt, tmp_path):
    """In a checkout, the default folder ``results`` contains ``results/published``."""
    results = tmp_path / "results"
    published(attempt, results / "published")
    assert finished_runs(results) == {}
    append(results, attempt(seed=7))
    assert read_runs(results).table["seed"].to_pylist() == [7]
    assert read_runs(results / "published").table.num_rows == 3


def test_merge_works_into_and_out_of_a_published_folder(attempt, tmp_path):
    folder = tmp_path / "published"
    published(attempt, folder)
    append(tmp_path / "theirs", attempt(seed=9))
    assert list(import_attempts(tmp_path / "theirs", folder).written.values()) == [1]
    assert sorted(read_runs(folder).table["seed"].to_pylist()) == [0, 1, 2, 9]
    assert import_attempts(folder, folder).written == {}, "its own runs exist already, in either layout"
    assert sum(import_attempts(folder, tmp_path / "new").written.values()) == 4


def test_compacting_and_migrating_do_not_change_published_files(attempt, tmp_path):
    folder = tmp_path / "published"
    published(attempt, folder)
    for seed in (10, 11):
        append(folder, attempt(seed=seed))
    content = (folder / "toy" / "siren.parquet").read_bytes()
    assert list(compact_in_place(folder).values()) == [2]
    migrate(folder)
    assert (folder / "toy" / "siren.parquet").read_bytes() == content
    assert len(attempt_files(folder)) == 2
    export_compact(folder, folder)
    assert sorted(read_runs(folder).table["seed"].to_pylist()) == [0, 1, 2, 10, 11]


def test_compact_refuses_methods_that_differ_only_in_case(attempt, tmp_path):
    for method in ("act", "Act"):
        append(tmp_path / "results", attempt(method=method))
    done = CliRunner().invoke(cli, ["results", "compact", "--results", str(tmp_path / "results"), "--to", str(tmp_path / "p")])
    assert "differ only in case" in str(done.exception)


def test_gc_checks_again_before_it_removes_files(attempt, tmp_path, monkeypatch):
    """A run stores the same artifact, with its row, between the listing and the removal."""
    kept = keep_artifacts(tmp_path, lambda scratch: (scratch / "p.png").write_bytes(b"picture"))
    path = tmp_path / "artifacts" / kept[0].file
    os.utime(path, (time.time() - 3 * 24 * 3600,) * 2)
    found, _ = orphans(tmp_path)
    assert list(found) == [path]
    one = attempt()
    append(tmp_path, replace(one, result=replace(one.result, artifacts=kept)))
    assert remove_orphans(tmp_path, found) == {}
    assert path.exists()
