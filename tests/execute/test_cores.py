"""Workers get disjoint cores. They are claimed in separate processes, since pinning lasts as long as the process."""

import json
import multiprocessing
import os
import subprocess
import sys

import pytest

from inrbench.execute.cores import Cores, pinned

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this platform cannot pin processes")
SPAWN = multiprocessing.get_context("spawn")

SCENARIO = """
import json, multiprocessing, os, time
from inrbench.execute.cores import Cores

def claim_and_tell(cores, pipe):
    cores.claim()
    pipe.send(sorted(os.sched_getaffinity(0)))
    time.sleep(60)

def start(cores):
    here, there = multiprocessing.Pipe()
    worker = multiprocessing.get_context("spawn").Process(target=claim_and_tell, args=(cores, there))
    worker.start()
    return worker, here.recv()

if __name__ == "__main__":
    cores = Cores(multiprocessing.get_context("spawn"), 2)
    (first, a), (second, b) = start(cores), start(cores)
    first.kill()
    first.join()
    third, c = start(cores)
    for worker in (second, third):
        worker.kill()
        worker.join()
    print(json.dumps([a, b, c]))
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2 if hasattr(os, "sched_getaffinity") else True, reason="one core only")
@pytest.mark.slow
def test_workers_claim_disjoint_cores_and_dead_workers_free_theirs(tmp_path):
    (tmp_path / "scenario.py").write_text(SCENARIO)
    first, second, third = json.loads(subprocess.check_output([sys.executable, tmp_path / "scenario.py"], timeout=120))
    assert first
    assert second
    assert not set(first) & set(second)
    assert third == first


def test_more_workers_than_cores_are_not_pinned():
    before = os.sched_getaffinity(0)
    Cores(SPAWN, 10_000).claim()
    assert os.sched_getaffinity(0) == before


def test_pinned_uses_the_first_cores_and_is_undone():
    before = os.sched_getaffinity(0)
    with pinned(1):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before
