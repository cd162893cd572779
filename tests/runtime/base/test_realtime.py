"""A thread gets a real-time priority inside a `with`, and afterwards its former priority."""

from __future__ import annotations

import os
import sys

import pytest

from runtime.base.realtime import AUDIO_PRIORITY, promoted


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's schedulers")
def test_a_priority_is_given_back() -> None:
    before = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    with promoted(AUDIO_PRIORITY) as permitted:
        inside = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    assert inside == ((os.SCHED_FIFO, AUDIO_PRIORITY) if permitted else before)
    assert (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority) == before
