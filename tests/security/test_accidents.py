"""Full disks, unusual file systems and folders that change during use: short errors, and no finished run is lost."""

import errno
import os
import shutil
import stat
import subprocess
from contextlib import contextmanager
from dataclasses import replace

import pytest
from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.errors import InrbenchError, StoreError
from inrbench.registry import Registry
from inrbench.report.site import build_site
from inrbench.store import (
    append,
    artifact_folder,
    check_writable,
    compact_in_place,
    import_attempts,
    keep_artifacts,
    lease,
    read_runs,
    verify,
)
from inrbench.store.files import sweep, write_atomically
from inrbench.store.processes import place
from inrbench.store.read import attempt_files


@contextmanager
def mounted(folder, *options):
    """Mount a file system at a folder; skip the test if mounts are not allowed."""
    folder.mkdir()
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no mounts here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _append_until_refused(attempt, results):
    for seed in range(100, 200):
        append(results, attempt(seed=seed, signal="x" * 4000))


def with_weights(attempt, results, n_bytes, seed=0):
    kept = keep_artifacts(results, lambda folder: (folder / "w.safetensors").write_bytes(os.urandom(n_bytes)))
    one = attempt(seed=seed)
    append(results, replace(one, result=replace(one.result, artifacts=kept)))
    return kept


def test_full_disk_leaves_no_partial_files(attempt, tmp_path):
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=2m", "tmpfs") as disk:
        append(disk / "ours", attempt(seed=9))
        with_weights(attempt, tmp_path / "theirs", 4_000_000)
        with pytest.raises(StoreError, match="cannot write to") as error:
            import_attempts(tmp_path / "theirs", disk / "ours")
        assert "No space left" in str(error.value)
        assert not list(artifact_folder(disk / "ours").iterdir())
        assert read_runs(disk / "ours").table["seed"].to_pylist() == [9]
        assert not verify(disk / "ours").faults
        for n in range(12):
            (disk / f"fill{n}").write_bytes(bytes(100_000))
        with pytest.raises(InrbenchError, match="cannot write to"):
            _append_until_refused(attempt, disk / "ours")
        assert not [path for path in (disk / "ours").rglob("*") if path.name.endswith(".tmp")]
        with pytest.raises(StoreError, match="cannot write to"):
            build_site(disk / "ours", disk / "site", Registry())
        assert not [path for path in disk.iterdir() if path.name.startswith(".site")]


def test_read_only_disk_is_reported_and_can_still_be_read(attempt, tmp_path):
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=4m", "tmpfs") as disk:
        append(disk / "results", attempt(seed=0))
        with lease(disk / "results", "r"):
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            with pytest.raises(StoreError, match="Read-only file system"):
                append(disk / "results", attempt(seed=1))
        with pytest.raises(StoreError, match="Read-only file system"):
            check_writable(disk / "results")
        for words in (["status"], ["leaderboard"], ["results", "list"], ["results", "verify"], ["results", "gc", "--delete"]):
            done = CliRunner().invoke(cli, [*words, "--results", str(disk / "results")], standalone_mode=False)
            assert done.exception is None, (words, done.exception)
        assert read_runs(disk / "results").table["seed"].to_pylist() == [0]


def test_store_works_on_a_case_insensitive_file_system(attempt, tmp_path):
    """vfat has no links, ignores case and stores times in steps of two seconds."""
    if not shutil.which("mkfs.vfat"):
        pytest.skip("no mkfs.vfat")
    image = tmp_path / "image"
    with image.open("wb") as stream:
        stream.truncate(16 << 20)
    subprocess.run(["mkfs.vfat", str(image)], check=True, capture_output=True)
    with mounted(tmp_path / "disk", "-o", "loop", str(image)) as disk:
        for seed, method in enumerate(("act", "Act", "n" * 100)):
            append(disk / "results", attempt(seed=seed, method=method))
            append(disk / "results", attempt(seed=seed + 10, method=method))
        assert read_runs(disk / "results").table.num_rows == 6
        compact_in_place(disk / "results")
        read = read_runs(disk / "results")
        assert sorted(read.table["seed"].to_pylist()) == [0, 1, 2, 10, 11, 12]
        assert not read.unreadable


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_append_works_if_folders_cannot_be_flushed(attempt, tmp_path, monkeypatch, number):
    fsync = os.fsync

    def refuse(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", refuse)
    append(tmp_path, attempt())
    assert read_runs(tmp_path).table.num_rows == 1


@pytest.mark.parametrize("name", ["x" * 240 + ".csv", "x" * 255])
def test_long_file_names_are_written_and_too_long_ones_refused(tmp_path, name):
    write_atomically(b"x", tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"x"
    with pytest.raises(StoreError, match="cannot write to"):
        write_atomically(b"x", tmp_path / ("x" * 256))


def test_sweep_removes_only_temporary_files_of_dead_processes(attempt, tmp_path):
    path = append(tmp_path, attempt())
    (tmp_path / "artifacts").mkdir()
    dead, alive = f"{place()}.{2**22 + 7}", f"{place()}.{os.getpid()}"
    elsewhere = f"{'0' * 12}.{os.getpid()}"
    for mark in (dead, alive, elsewhere):
        (path.parent / f".x.parquet.{mark}.tmp").write_text("half")
        (tmp_path / "artifacts" / f".being-written.{mark}.abc").mkdir()
    sweep(tmp_path)
    left = {each.name for each in tmp_path.rglob(".*")}
    assert not [name for name in left if dead in name]
    assert len([name for name in left if alive in name]) == 2
    assert len([name for name in left if elsewhere in name]) == 2


def test_folder_copied_during_a_run_is_valid(attempt, tmp_path):
    """The copy contains a partial temporary file and an artifact that has no row yet."""
    append(tmp_path / "a", attempt(seed=0))
    with_weights(attempt, tmp_path / "a", 100, seed=1)
    keep_artifacts(tmp_path / "a", lambda folder: (folder / "x.png").write_bytes(b"no row yet"))
    (attempt_files(tmp_path / "a")[0].parent / f".y.parquet.{place()}.1.tmp").write_bytes(b"PAR1")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert not verify(tmp_path / "b").faults
    assert import_attempts(tmp_path / "b", tmp_path / "c").refused == {}
    assert read_runs(tmp_path / "c").table.num_rows == 2


@pytest.mark.parametrize("words", [["results", "export", "-o", "{}"], ["plot", "curves", "-o", "{}"]])
@pytest.mark.parametrize("place", ["/proc/x", "{tmp}/file/x", "/dev/full/x"])
def test_unwritable_output_path_is_reported(attempt, tmp_path, words, place):
    (tmp_path / "file").write_text("")
    append(tmp_path / "results", attempt())
    suffix = ".csv" if words[0] == "results" else ".png"
    target = place.format(tmp=tmp_path) + suffix
    done = CliRunner().invoke(cli, [*(word.format(target) for word in words), "--results", str(tmp_path / "results")],
                              standalone_mode=False)  # fmt: skip
    assert isinstance(done.exception, InrbenchError), done.exception
    assert "it cannot be written" in str(done.exception)


def test_clock_set_back_loses_no_attempt(attempt, tmp_path, monkeypatch):
    import time

    append(tmp_path, attempt(seed=0))
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    append(tmp_path, attempt(seed=1))
    append(tmp_path, attempt(seed=0, psnr=99.0))
    assert sorted(read_runs(tmp_path).table["seed"].to_pylist()) == [0, 1]
    assert list(compact_in_place(tmp_path).values()) == [3]
