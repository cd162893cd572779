"""Prepares the program for real time: priorities, locked memory, no garbage collection, threads that give way."""

from __future__ import annotations

import ctypes
import functools
import gc
import mmap
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

AUDIO_PRIORITY = 65
MIDI_PRIORITY = 60
SUPERVISOR_PRIORITY = 10
SWAP_PRIORITY = 5
_SWITCH_INTERVAL_S = 1e-4
_PAUSE_S = 0.0003
_MOST_PAUSES = 64  # at one function call; then the thread goes on, because another thread may be busy for ever
# Flags of Linux's mlockall(2).
_LOCK_CURRENT, _LOCK_FUTURE, _LOCK_ON_FAULT = 1, 2, 4
_MLOCK_ON_FAULT = 1  # flag of mlock2(2)
_HEAP_BYTES = 64 * 2**20  # the largest heap that glibc gives to a thread
_OWN_BYTES = 2000  # malloc takes a piece of this size from the thread's heap: glibc's cache holds only smaller ones
_of_thread = threading.local()  # its values for a thread are freed with that thread's Python state
_FIRST_BYTES = 2 * 2**20  # more heap than the first chord of 16 voices uses
# Sizes, in bytes, of the pieces to allocate. glibc takes a piece of 128 kB or more from the system, not from the heap.
# A piece of less than two pages (8 kB) may hold no whole page.
_PIECES_BYTES = 100_000, 10_000


def promote_thread(priority: int) -> bool:
    """Give the calling thread at least this real-time priority, 1 to 99; returns False if that is not permitted.

    A thread with a higher priority keeps that priority: JACK sets the priority of its own threads.
    """
    try:
        real_time = os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)
        if not real_time or os.sched_getparam(0).sched_priority < priority:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except (OSError, AttributeError):
        return False
    return True


class DriverThreadState:
    """Python's state of one thread of a driver, kept from call to call.

    By default Python makes a state whenever a driver's thread calls Python, and frees it after the call. Each
    time, the process's memory map changes, and the thread waits for any other thread that changes this map.

    A state lives until each call of PyGILState_Ensure has been followed by one of PyGILState_Release. `keep` calls
    Ensure without Release. Source: CPython, Python/pystate.c.
    """

    def __init__(self) -> None:
        self._address: ctypes.c_void_p | None = None

    def keep(self) -> None:
        """Keep the calling thread's state; run this on the driver's thread. A second run changes nothing."""
        if self._address is None:
            python = ctypes.pythonapi
            python.PyGILState_Ensure()
            python.PyGILState_GetThisThreadState.restype = ctypes.c_void_p
            self._address = ctypes.c_void_p(python.PyGILState_GetThisThreadState())

    def free(self) -> None:
        """Free the state, after the driver's thread has ended."""
        if self._address is not None:
            # Since Python 3.12, a thread that frees another thread's state loses its own state. So a new thread frees
            # the kept state, and then ends.
            thread = threading.Thread(target=self._free)
            thread.start()
            thread.join()

    def _free(self) -> None:
        ctypes.pythonapi.PyThreadState_Clear(self._address)
        ctypes.pythonapi.PyThreadState_Delete(self._address)
        self._address = None


@contextmanager
def promoted(priority: int) -> Iterator[bool]:
    """Inside a `with`, the calling thread has at least this real-time priority. Afterwards it has its former priority.

    Yields whether the priority is permitted.
    """
    former = (os.sched_getscheduler(0), os.sched_getparam(0)) if hasattr(os, "sched_getscheduler") else None
    permitted = promote_thread(priority)
    try:
        yield permitted
    finally:
        if permitted:
            os.sched_setscheduler(0, *former)


def lock_memory() -> bool:
    """Keep the process's memory out of swap; returns False if not permitted.

    Each page is locked at its first use. Locking all mapped pages, used or not, needs 200 MB more with onnxruntime.
    """
    if sys.platform != "linux":
        return False
    try:
        return _libc().mlockall(_LOCK_CURRENT | _LOCK_FUTURE | _LOCK_ON_FAULT) == 0
    except (OSError, AttributeError):
        return False


def touch_heap() -> None:
    """Use 2 MB of the calling thread's heap once, so that later uses of the heap cause no page faults.

    Without this, the first chord of 16 voices used about 400 new pages, so its block took up to 3 ms longer.
    """
    pieces = [b"\1" * _PIECES_BYTES[0] for _ in range(_FIRST_BYTES // _PIECES_BYTES[0])]
    # While the last piece is in use, glibc returns none of the free memory before that piece to the system.
    _of_thread.end_of_heap = pieces[-1]


def return_free_memory() -> None:
    """Return the heap's free memory to the system; nothing happens without glibc.

    Call it before memory is locked, because the kernel does not take back locked pages.
    """
    trim = getattr(_libc(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def return_free_memory_of_thread() -> None:
    """Return the free memory of the calling thread's own heap to the system, even if memory is locked.

    `malloc_trim` would not return the free end of a thread's heap. It would also hold the mutex of each thread's heap
    for a time, and keep that thread waiting. So this function allocates all free memory of the heap in pieces, returns
    the pieces' pages to the system, and frees the pieces.

    The function unlocks the heap's 64 MB for a moment. If the thread has no heap of its own, it unlocks other pages.
    Source: glibc 2.36, malloc/arena.c: on 64-bit systems, a thread's heap begins at a multiple of 64 MB, and has at
    most 64 MB.
    """
    libc = _libc()
    # Nothing is done without glibc, with an old glibc, or on a 32-bit system.
    if not hasattr(libc, "malloc_trim") or not hasattr(libc, "mlock2") or sys.maxsize < 2**32:
        return
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    place = libc.malloc(ctypes.c_size_t(_OWN_BYTES))
    libc.free(place)
    first = place & ~(_HEAP_BYTES - 1)
    heap = ctypes.c_void_p(first), ctypes.c_size_t(_HEAP_BYTES)
    is_locked = _locks_memory()
    if is_locked:
        libc.munlock(*heap)
    _return_pieces(libc, first)
    if is_locked:
        libc.mlock2(*heap, _MLOCK_ON_FAULT)


def _return_pieces(libc: ctypes.CDLL, first: int) -> None:
    page, pieces = mmap.PAGESIZE, []
    for n_bytes in _PIECES_BYTES:
        for _ in range(_HEAP_BYTES // n_bytes + 1):
            piece = libc.malloc(ctypes.c_size_t(n_bytes))
            if not piece:
                break
            pieces.append(piece)
            if not first <= piece < first + _HEAP_BYTES:
                break  # the heap has no free piece of this size left
            begin, end = -(-piece // page) * page, (piece + n_bytes) // page * page
            libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)
    for piece in pieces:
        libc.free(piece)


@functools.cache  # a CDLL refers to itself: without garbage collection, each new one would stay in memory
def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _locks_memory() -> bool:
    with open("/proc/self/status") as status:
        return any(line.startswith("VmLck:") and line.split()[1] != "0" for line in status)


def prepare_process() -> None:
    """Prepare the process for playing: no garbage collection, locked memory, fast thread switches.

    Call this on the main thread, after everything is built.
    The switch interval becomes 0.1 ms, because Python's default, 5 ms, is almost half of a block of 512 frames. The
    main thread gets a low real-time priority: if another program preempted it while it holds the interpreter, the audio
    thread would have to wait.
    NumPy's warnings about overflow in an instrument are off, because the audio thread would print them.
    """
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"runtime\.")
    promote_thread(SUPERVISOR_PRIORITY)
    gc.collect()
    return_free_memory()
    lock_memory()
    gc.freeze()
    gc.disable()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)


@contextmanager
def gives_way(is_busy: Callable[[], bool]) -> Iterator[None]:
    """Inside the `with`, the calling thread pauses at each function call while `is_busy()` is true, up to about 20 ms.

    NumPy releases the interpreter in each call with more than 500 numbers. Another Python thread then acquires it, and
    keeps it for the switch interval, 0.1 ms. While another thread was loading an instrument, a block with 150 such
    calls took 15 ms longer. The pause is made in a hook that Python calls for each function; this slows the calling
    thread.
    """

    def look(*_: object) -> None:
        for _pause in range(_MOST_PAUSES):
            if not is_busy():
                return
            time.sleep(_PAUSE_S)

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)
