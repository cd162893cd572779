"""A thread gets a real-time priority for a while; a dead thread's Python state is freed."""

from __future__ import annotations

import ctypes
import os
import sys

import pytest

from runtime.base.realtime import AUDIO_PRIORITY, DriverThreadState, promoted


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
        assert python.PyGILState_GetThisThreadState() == own  # with another state, the next call from C would hang
