"""Workers get disjoint cores. Each claim is made in a process of its own: pinning is for life."""

import multiprocessing
import os
import sys

import pytest

from inrbench.execute.cores import Cores, pin

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this platform cannot pin processes")
SPAWN = multiprocessing.get_context("spawn")


def claim_and_tell(cores, told, wait) -> None:
    cores.claim()
    told.put(sorted(os.sched_getaffinity(0)))
    wait.wait(60)


def test_workers_claim_disjoint_cores_and_a_dead_ones_share_is_free_again():
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        pytest.skip("one core only")
    cores, told, wait = Cores(SPAWN, 2), SPAWN.Queue(), SPAWN.Event()
    workers = [SPAWN.Process(target=claim_and_tell, args=(cores, told, wait)) for _ in range(2)]
    for worker in workers:
        worker.start()
    shares = [told.get(timeout=60) for _ in workers]
    assert not set(shares[0]) & set(shares[1])
    assert sorted(shares[0] + shares[1]) == usable[: 2 * (len(usable) // 2)]
    workers[0].kill()
    workers[0].join()
    third = SPAWN.Process(target=claim_and_tell, args=(cores, told, wait))
    third.start()
    assert told.get(timeout=60) in shares
    wait.set()
    for worker in (*workers, third):
        worker.join(60)


def test_more_workers_than_cores_go_unpinned():
    before = os.sched_getaffinity(0)
    Cores(SPAWN, 10_000).claim()
    assert os.sched_getaffinity(0) == before
    assert sys.platform.startswith("linux")


def test_pinning_takes_the_first_cores():
    before = os.sched_getaffinity(0)
    try:
        pin(1)
        assert os.sched_getaffinity(0) == {min(before)}
    finally:
        os.sched_setaffinity(0, before)
