"""Time and priority for the live program: the audio thread's clock, thread priority, the collector out of the way."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

AUDIO_PRIORITY = 65
MIDI_PRIORITY = 60
SUPERVISOR_PRIORITY = 10
_SWITCH_INTERVAL_S = 1e-4
# Linux's own numbers: mlockall(2).
_LOCK_CURRENT, _LOCK_FUTURE, _LOCK_ON_FAULT = 1, 2, 4


def promote_thread(priority: int) -> bool:
    """Give the calling thread at least this real-time priority; False, and nothing changed, where not permitted.

    A thread to which its driver has already given more (JACK does) keeps it.
    """
    try:
        real_time = os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)
        if not real_time or os.sched_getparam(0).sched_priority < priority:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except (OSError, AttributeError):
        return False
    return True


@contextmanager
def promoted(priority: int) -> Iterator[bool]:
    """Hold this real-time priority for the length of a `with`, where that is permitted; tells whether it is."""
    former = (os.sched_getscheduler(0), os.sched_getparam(0)) if hasattr(os, "sched_getscheduler") else None
    permitted = promote_thread(priority)
    try:
        yield permitted
    finally:
        if permitted:
            os.sched_setscheduler(0, *former)


def lock_memory() -> bool:
    """Keep in memory what has been touched, so that sound never waits for a disk; False where not permitted.

    Pages are locked when they are first touched: locking all that is mapped would take 200 MB more with onnxruntime.
    """
    if sys.platform != "linux":
        return False
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return libc.mlockall(_LOCK_CURRENT | _LOCK_FUTURE | _LOCK_ON_FAULT) == 0
    except (OSError, AttributeError):
        return False


def prepare_process() -> None:
    """Once everything is built, on the main thread: collector frozen and off, and the interpreter soon free for audio.

    Python's own 5 ms switch interval alone is half a block of 512 frames. The main thread gets the lowest real-time
    priority: were it preempted by another program while it holds the interpreter, the audio thread would wait for both.
    """
    promote_thread(SUPERVISOR_PRIORITY)
    lock_memory()
    gc.collect()
    gc.freeze()
    gc.disable()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
