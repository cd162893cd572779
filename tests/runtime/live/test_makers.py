"""Makers are threads that make and free instruments."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest

from runtime.base.realtime import gives_way, return_free_memory_of_thread
from runtime.live.swapping.freeing import free_in_steps
from runtime.live.swapping.makers import MOST_MAKERS, Makers
from tests.support.places import ROOT


class Made:
    """Stands in for an engine."""


class Workshop:
    """Makers whose jobs make stand-ins for engines.

    in_use: the stand-ins that are not freed yet.
    threads: the thread of each job.
    """

    def __init__(self) -> None:
        self._done, self.is_busy = threading.Semaphore(0), False
        self.makers, self.in_use, self.threads = Makers(self._done.release, lambda: self.is_busy), [], []

    def make(self, fails: bool = False, n: int = 1) -> None:
        def make() -> list[Made]:
            self.threads.append(threading.get_ident())
            if fails:
                return []
            made = [Made() for _ in range(n)]
            self.in_use += made
            return made

        self.makers.run(make)
        self.wait()

    def wait(self) -> None:
        assert self._done.acquire(timeout=30.0)


def test_a_thread_makes_the_next_engine_when_its_last_one_is_gone() -> None:
    workshop = Workshop()
    for _ in range(20):
        workshop.make()
        del workshop.in_use[:-2]  # two stay: the new engine, and the one that fades out
    assert len(workshop.makers) == 3
    assert all(a != b for a, b in zip(workshop.threads, workshop.threads[1:], strict=False))
    workshop.makers.close()


def test_a_thread_that_made_several_waits_until_all_are_gone() -> None:
    workshop = Workshop()
    workshop.make(n=3)
    del workshop.in_use[1:]
    workshop.make()
    assert len(workshop.makers) == 2
    workshop.in_use.clear()
    workshop.make()
    assert len(workshop.makers) == 2
    workshop.makers.close()


def test_a_thread_that_failed_makes_the_next_one() -> None:
    workshop = Workshop()
    workshop.make(fails=True)
    workshop.make()
    assert len(workshop.makers) == 1
    workshop.makers.close()


def test_there_is_a_limit_to_the_threads() -> None:
    workshop = Workshop()
    for _ in range(3 * MOST_MAKERS):
        workshop.make()
    assert len(workshop.in_use) == 3 * MOST_MAKERS
    assert len(set(workshop.threads)) == MOST_MAKERS
    workshop.makers.close()


class Told(Made):
    """A stand-in. When it is freed, it adds the id of the freeing thread to `told`."""

    def __init__(self, told: list[int]):
        self._told = told

    def __del__(self) -> None:
        self._told.append(threading.get_ident())


def test_the_thread_that_made_an_engine_frees_it() -> None:
    workshop, told, never_made = Workshop(), [], []
    for _ in range(2):
        workshop.make()
        workshop.in_use[-1].told = Told(told)
    for first in (1, 0):
        workshop.makers.free([workshop.in_use.pop(first)])
        workshop.wait()
    assert told == workshop.threads[::-1]
    never_made.append(Told(told))
    workshop.makers.free([never_made.pop()])
    workshop.wait()
    assert told[2] in workshop.threads
    workshop.makers.close()


def test_the_threads_pause_while_a_block_is_rendered() -> None:
    workshop, told = Workshop(), []
    workshop.make()
    workshop.in_use[0].told = Told(told)
    workshop.is_busy = True
    workshop.makers.free([workshop.in_use.pop()])
    time.sleep(0.005)
    assert not told
    workshop.is_busy = False
    workshop.wait()
    assert told
    workshop.makers.close()


def test_an_engine_is_freed_in_small_steps() -> None:
    pieces = [np.zeros(10) for _ in range(50)]
    alive, kept = [weakref.ref(piece) for piece in pieces], pieces[7]
    made = Made()
    made.pieces, made.again = {"first": pieces[:25], "rest": tuple(pieces[25:])}, pieces
    objects, n_alive = [made], []
    del made, pieces

    def look() -> bool:
        n_alive.append(sum(piece() is not None for piece in alive))
        return False

    with gives_way(look):
        free_in_steps(objects)
    assert not objects
    assert (n_alive[0], n_alive[-1]) == (50, 1)
    assert min(np.diff(n_alive)) == -1
    assert kept[0] == 0.0


# HEAVY is a program in which a maker's thread allocates 40 MB, and later frees them. It prints its memory in MB before
# they are freed and after. The 40 MB are 2000 small pieces or 4 large pieces. Of the small pieces, 20 stay in use, as
# parts of an engine do. The large pieces lie at the heap's end, where glibc by itself would not return freed memory.
HEAVY = """
import re, sys, threading
import numpy as np
from runtime.base.realtime import lock_memory
from runtime.base.realtime import return_free_memory_of_thread
from runtime.live.swapping.makers import Makers

def own_mb():
    with open("/proc/self/smaps_rollup") as rollup:
        return int(re.search(r"Private_Dirty: *(\\d+) kB", rollup.read())[1]) / 1024.0

class Made:
    def __init__(self, stay):
        n, n_numbers = (2000, 2500) if sys.argv[2] == "small" else (4, 1_250_000)
        self.pieces = [np.ones(n_numbers) for _ in range(n)]
        stay += self.pieces[::100] if sys.argv[2] == "small" else ()

np.ones(2_500_000)  # from now on, glibc takes pieces of up to 20 MB from a heap, and keeps 40 MB at the heap's end
if sys.argv[1] == "locked":
    lock_memory()
done, in_use, stay = threading.Event(), [], []
makers = Makers(done.set)
def make():
    in_use.append(Made(stay))
    return in_use
makers.run(make)
done.wait()
during_mb = own_mb()
in_use.clear()
makers.tidy()
makers.close()
print(during_mb, own_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc's heap is known")
@pytest.mark.parametrize("how", ["locked", "unlocked"])
@pytest.mark.parametrize("pieces", ["small", "large"])
def test_a_thread_returns_the_memory_of_what_is_freed(how: str, pieces: str) -> None:
    command = [sys.executable, "-c", HEAVY, how, pieces]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    during_mb, after_mb = map(float, done.stdout.split())
    assert after_mb < during_mb - 30.0


def test_returning_memory_leaves_no_garbage() -> None:
    return_free_memory_of_thread()
    before = len(gc.get_objects())
    gc.disable()
    try:
        for _ in range(10):
            return_free_memory_of_thread()
        assert len(gc.get_objects()) < before + 10
    finally:
        gc.enable()
