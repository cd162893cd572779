"""Threads that make instruments, each beside its own one alone, so that memory does not crumble.

glibc gives each thread its own part of the heap, and what a thread made is returned to that part, whoever frees it. If
one thread made all engines, the gaps that an old engine leaves between what has come since would be too small for the
next one: memory grew from swap to swap, though nothing was kept. So a thread makes its next engine, or its next rack
with several, only when what it made last is gone, and its part of the heap is empty again.
"""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Callable, Iterable

from runtime.base.realtime import SWAP_PRIORITY, promote_thread

MOST_MAKERS = 8

Make = Callable[[], Iterable[object]]  # returns what was made; none: it failed


class _Maker:
    """One thread; last: what it made last, as long as that is in use."""

    def __init__(self, wake: Callable[[], object]):
        self._wake = wake
        self._tasks: queue.SimpleQueue[Make | None] = queue.SimpleQueue()
        self._last: list[weakref.ref[object]] = []
        self._thread = threading.Thread(target=self._work, name="swap", daemon=True)
        self._thread.start()

    @property
    def is_free(self) -> bool:
        return all(each() is None for each in self._last)

    def give(self, make: Make | None) -> None:
        self._tasks.put(make)

    def join(self) -> None:
        self._thread.join()

    def _work(self) -> None:
        promote_thread(SWAP_PRIORITY)
        while (make := self._tasks.get()) is not None:
            made = make()
            self._last = [weakref.ref(each) for each in made]
            # A variable of a thread that waits would keep what was made.
            del make, made
            self._wake()


class Makers:
    """As many threads as engines are in use, and one more while one is made; at most MOST_MAKERS.

    wake: called on such a thread when it has made something, or failed.
    """

    def __init__(self, wake: Callable[[], object]):
        self._wake = wake
        self._makers: list[_Maker] = []

    def __len__(self) -> int:
        return len(self._makers)

    def run(self, make: Make) -> None:
        """Call `make` on a thread whose last work is gone; not while another call runs."""
        maker = next((each for each in self._makers if each.is_free), None)
        if maker is None and len(self._makers) < MOST_MAKERS:
            maker = _Maker(self._wake)
            self._makers.append(maker)
        if maker is None:  # the one that has made nothing for longest
            maker = self._makers.pop(0)
            self._makers.append(maker)
        maker.give(make)

    def close(self) -> None:
        """End the threads, after what they make."""
        for maker in self._makers:
            maker.give(None)
        for maker in self._makers:
            maker.join()
