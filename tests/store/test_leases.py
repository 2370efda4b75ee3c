"""Leases prevent two commands with one folder from doing the same run twice."""

import json
import os
import socket
import subprocess
import sys
import time

import psutil
import pytest
from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.store import active_leases, append, lease, leases
from inrbench.store.leases import SLEEP_SECONDS, STALE_SECONDS, lease_folder
from inrbench.store.processes import place


def write(results, name="r", **changes):
    """Write a lease as a different process would."""
    lease_folder(results).mkdir(parents=True, exist_ok=True)
    path = lease_folder(results) / f"{name}.json"
    path.write_text(
        json.dumps(
            {
                "name": name,
                "host": "elsewhere",
                "place": "0" * 12,
                "pid": 1,
                "started": 1.0,
                "acquired_at": 1.0,
                "token": "t",
                "info": {},
                **changes,
            }
        )
    )
    return path


def test_lease_has_one_owner_at_a_time_and_is_removed_afterwards(tmp_path):
    with lease(tmp_path, "r", what="a run") as ours:
        assert ours
        with lease(tmp_path, "r") as again, lease(tmp_path, "s") as other:
            assert not again
            assert other
        [found] = active_leases(tmp_path)
        assert (found.name, found.pid, found.info) == ("r", os.getpid(), {"what": "a run"})
    assert not list(lease_folder(tmp_path).iterdir())


def test_lease_of_another_process_counts_only_while_it_lives(tmp_path):
    owner = "import sys, pathlib, time; from inrbench.store import lease\nwith lease(pathlib.Path(sys.argv[1]), 'r'): print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", owner, str(tmp_path)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        with lease(tmp_path, "r") as ours:
            assert not ours
        process.kill()
        process.wait()
    assert not active_leases(tmp_path)
    with lease(tmp_path, "r") as ours:
        assert ours


def test_reused_process_number_is_not_the_owner(tmp_path):
    write(tmp_path, host=socket.gethostname(), place=place(), pid=os.getpid(), started=1.0)
    with lease(tmp_path, "r") as ours:
        assert ours


@pytest.mark.parametrize(("age", "free"), [(0, False), (STALE_SECONDS - 5, False), (STALE_SECONDS + 5, True)])
def test_lease_of_another_machine_expires_by_age(tmp_path, age, free):
    path = write(tmp_path)
    os.utime(path, (time.time() - age, time.time() - age))
    assert bool(active_leases(tmp_path)) is not free
    with lease(tmp_path, "r") as ours:
        assert ours is free


def test_lease_is_touched_while_its_owner_works(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.01)
    with lease(tmp_path, "r"):
        path = lease_folder(tmp_path) / "r.json"
        os.utime(path, (1.0, 1.0))
        limit = time.monotonic() + 10
        while path.stat().st_mtime == 1.0 and time.monotonic() < limit:
            time.sleep(0.01)
        assert path.stat().st_mtime > 1.0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": 1}', '{"name": "r", "host": 1, "pid": "x", "started": 1}'])
def test_invalid_lease_files_are_ignored(tmp_path, content):
    write(tmp_path).write_text(content)
    assert not active_leases(tmp_path)
    with lease(tmp_path, "r") as ours:
        assert ours


def test_lease_taken_over_by_another_owner_is_not_removed(tmp_path):
    with lease(tmp_path, "r"):
        path = write(tmp_path)
    assert path.exists()


def test_work_continues_if_no_lease_can_be_written(tmp_path):
    lease_folder(tmp_path).write_text("a file")
    with lease(tmp_path, "r") as ours:
        assert ours
    assert not active_leases(tmp_path)


def test_forged_lease_of_a_living_process_expires(tmp_path):
    """A forged lease that names a living process of this machine with its true start time."""
    path = write(tmp_path, place=place(), pid=os.getpid(), started=psutil.Process().create_time())
    assert active_leases(tmp_path)
    os.utime(path, (time.time() - SLEEP_SECONDS - 5,) * 2)
    assert not active_leases(tmp_path)
    with lease(tmp_path, "r") as ours:
        assert ours


@pytest.mark.parametrize("here", [True, False])
def test_lease_with_a_time_in_the_future_is_ignored(tmp_path, here):
    started = psutil.Process().create_time()
    path = write(tmp_path, **({"place": place(), "pid": os.getpid(), "started": started} if here else {}))
    os.utime(path, (time.time() + 10 * 365 * 24 * 3600,) * 2)
    assert not active_leases(tmp_path)
    with lease(tmp_path, "r") as ours:
        assert ours


def test_machines_with_the_same_host_name_are_distinguished(tmp_path):
    """Like two containers: the same host name, and a process number that does not exist here."""
    write(tmp_path, host=socket.gethostname(), pid=2**22 + 1)
    assert active_leases(tmp_path), "it was touched just now"
    with lease(tmp_path, "r") as ours:
        assert not ours


def test_link_that_succeeds_but_reports_failure_gives_the_lease(tmp_path, monkeypatch):
    """This happens over NFS if the answer is lost and the call is sent again."""
    link = os.link

    def lost(source, target):
        link(source, target)
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr(os, "link", lost)
    with lease(tmp_path, "r") as ours:
        assert ours
        with lease(tmp_path, "r") as again:
            assert not again
    monkeypatch.undo()
    with lease(tmp_path, "r") as ours:
        assert ours


@pytest.mark.parametrize("changes", [
    {"pid": -5}, {"pid": 0}, {"pid": 10**12}, {"pid": True}, {"started": "x"}, {"info": {"runs": 5}}, {"info": {"runs": [5]}},
    {"info": {"runs": ["a"], "known": 7}}, {"info": {"what": 5}}, {"acquired_at": 1e308}, {"name": "other"}, {"extra": 1},
])  # fmt: skip
@pytest.mark.parametrize("here", [True, False])
def test_invalid_lease_fields_break_neither_runs_nor_status(attempt, tmp_path, changes, here):
    write(tmp_path, **{**({"place": place()} if here else {}), **changes})
    append(tmp_path, attempt())
    done = CliRunner().invoke(cli, ["status", "--results", str(tmp_path)], standalone_mode=False)
    assert done.exception is None
    with lease(tmp_path, "s") as ours:
        assert ours


def test_lease_release_in_a_read_only_folder_does_not_raise(tmp_path, monkeypatch):
    def refuse(self, missing_ok=False):
        raise OSError(30, "Read-only file system")

    with lease(tmp_path, "r"):
        monkeypatch.setattr("pathlib.Path.unlink", refuse)
