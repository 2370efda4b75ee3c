"""Leases: who is doing what, so that two commands on one folder do nothing twice."""

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
    """A lease as another process would have left it."""
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


def test_a_lease_is_held_by_one_at_a_time_and_is_gone_afterwards(tmp_path):
    with lease(tmp_path, "r", what="a run") as ours:
        assert ours
        with lease(tmp_path, "r") as again, lease(tmp_path, "s") as other:
            assert not again
            assert other
        [held] = active_leases(tmp_path)
        assert (held.name, held.pid, held.info) == ("r", os.getpid(), {"what": "a run"})
    assert not list(lease_folder(tmp_path).iterdir())


def test_another_process_is_seen_while_it_lives_and_no_longer(tmp_path):
    holds = "import sys, pathlib, time; from inrbench.store import lease\nwith lease(pathlib.Path(sys.argv[1]), 'r'): print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", holds, str(tmp_path)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        with lease(tmp_path, "r") as ours:
            assert not ours
        process.kill()
        process.wait()
    assert not active_leases(tmp_path)
    with lease(tmp_path, "r") as ours:
        assert ours


def test_a_process_number_used_again_is_not_the_owner(tmp_path):
    write(tmp_path, host=socket.gethostname(), place=place(), pid=os.getpid(), started=1.0)
    with lease(tmp_path, "r") as ours:
        assert ours


@pytest.mark.parametrize(("age", "free"), [(0, False), (STALE_SECONDS - 5, False), (STALE_SECONDS + 5, True)])
def test_of_another_machine_only_the_age_tells(tmp_path, age, free):
    path = write(tmp_path)
    os.utime(path, (time.time() - age, time.time() - age))
    assert bool(active_leases(tmp_path)) is not free
    with lease(tmp_path, "r") as ours:
        assert ours is free


def test_a_lease_is_touched_while_its_owner_works(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.01)
    with lease(tmp_path, "r"):
        path = lease_folder(tmp_path) / "r.json"
        os.utime(path, (1.0, 1.0))
        limit = time.monotonic() + 10
        while path.stat().st_mtime == 1.0 and time.monotonic() < limit:
            time.sleep(0.01)
        assert path.stat().st_mtime > 1.0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": 1}', '{"name": "r", "host": 1, "pid": "x", "started": 1}'])
def test_what_is_no_lease_holds_nobody_up(tmp_path, content):
    write(tmp_path).write_text(content)
    assert not active_leases(tmp_path)
    with lease(tmp_path, "r") as ours:
        assert ours


def test_what_another_took_over_is_left_to_it(tmp_path):
    with lease(tmp_path, "r"):
        path = write(tmp_path)
    assert path.exists()


def test_where_no_lease_can_be_written_work_goes_on(tmp_path):
    lease_folder(tmp_path).write_text("a file")
    with lease(tmp_path, "r") as ours:
        assert ours
    assert not active_leases(tmp_path)


def test_a_living_process_that_is_no_owner_holds_nobody_up_for_long(tmp_path):
    """A forged lease: process 1 of this machine, with its true start."""
    path = write(tmp_path, place=place(), pid=os.getpid(), started=psutil.Process().create_time())
    assert active_leases(tmp_path)
    os.utime(path, (time.time() - SLEEP_SECONDS - 5,) * 2)
    assert not active_leases(tmp_path)
    with lease(tmp_path, "r") as ours:
        assert ours


@pytest.mark.parametrize("here", [True, False])
def test_a_touch_in_the_future_proves_nothing(tmp_path, here):
    started = psutil.Process().create_time()
    path = write(tmp_path, **({"place": place(), "pid": os.getpid(), "started": started} if here else {}))
    os.utime(path, (time.time() + 10 * 365 * 24 * 3600,) * 2)
    assert not active_leases(tmp_path)
    with lease(tmp_path, "r") as ours:
        assert ours


def test_a_machine_of_the_same_name_is_not_taken_for_this_one(tmp_path):
    """Two containers: the same host name, and a process number that does not exist here."""
    write(tmp_path, host=socket.gethostname(), pid=2**22 + 1)
    assert active_leases(tmp_path), "it was touched just now"
    with lease(tmp_path, "r") as ours:
        assert not ours


def test_a_link_that_succeeds_and_answers_that_it_failed_is_ours(tmp_path, monkeypatch):
    """As over NFS, where the answer was lost and the call was sent again."""
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
def test_odd_leases_break_neither_runs_nor_status(attempt, tmp_path, changes, here):
    write(tmp_path, **{**({"place": place()} if here else {}), **changes})
    append(tmp_path, attempt())
    done = CliRunner().invoke(cli, ["status", "--results", str(tmp_path)], standalone_mode=False)
    assert done.exception is None
    with lease(tmp_path, "s") as ours:
        assert ours


def test_a_folder_that_becomes_read_only_hides_no_error(tmp_path, monkeypatch):
    def refuse(self, missing_ok=False):
        raise OSError(30, "Read-only file system")

    with lease(tmp_path, "r"):
        monkeypatch.setattr("pathlib.Path.unlink", refuse)
