"""A thread gets a real-time priority for a while; a dead thread's Python state is freed."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable

import pytest

from runtime.base.realtime import AUDIO_PRIORITY, DriverThreadState, promoted, touch_heap
from tests.support.places import ROOT


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's schedulers")
def test_a_priority_is_given_back() -> None:
    before = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    with promoted(AUDIO_PRIORITY) as permitted:
        inside = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    assert inside == ((os.SCHED_FIFO, AUDIO_PRIORITY) if permitted else before)
    assert (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority) == before


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's thread library")
def test_the_state_of_a_thread_that_has_ended_is_freed() -> None:
    state, python, alone = DriverThreadState(), ctypes.PyDLL(None), ctypes.CDLL(None)
    first_call = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda _: state.keep())
    python.PyGILState_GetThisThreadState.restype = ctypes.c_void_p
    own = python.PyGILState_GetThisThreadState()
    for _ in range(3):
        thread = ctypes.c_ulong()
        assert alone.pthread_create(ctypes.byref(thread), None, first_call, None) == 0
        assert alone.pthread_join(thread, None) == 0
        state.free()
        assert python.PyGILState_GetThisThreadState() == own  # else the next call from C would hang


USE_TWICE = """
import resource, threading
from runtime.base.realtime import touch_heap

def n_faults():
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt

def run():
    touch_heap()
    before = n_faults()
    pieces = [b"1" * 100_000 for _ in range(18)]
    print(n_faults() - before)

thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not count a thread's page faults")
def test_a_touched_heap_is_used_without_page_faults() -> None:
    said = subprocess.run([sys.executable, "-c", USE_TWICE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(said.stdout) < 50  # an untouched heap: 440, one for each page of 18 pieces of 100 kB


def in_thread() -> None:
    thread = threading.Thread(target=touch_heap)
    thread.start()
    thread.join()


def in_driver_thread() -> None:
    """Call `touch_heap` as a sound card's driver does, in a thread that Python did not start."""
    state, alone, thread = DriverThreadState(), ctypes.CDLL(None), ctypes.c_ulong()
    call = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda _: state.keep() or touch_heap())
    assert alone.pthread_create(ctypes.byref(thread), None, call, None) == 0
    assert alone.pthread_join(thread, None) == 0
    state.free()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's thread library")
@pytest.mark.parametrize("touch", [in_thread, in_driver_thread])
def test_a_thread_that_has_ended_keeps_nothing_of_its_heap(touch: Callable[[], None]) -> None:
    tracemalloc.start()
    for _ in range(20):
        touch()
    n_bytes, _most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_bytes < 500_000  # a piece of 100 kB for each thread would be 2 MB
