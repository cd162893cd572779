"""Threads that make instruments and free them, so that memory does not fragment.

In glibc each thread has its own heap arena, and freed memory returns to the arena that it came from. When one thread
made all engines, the gaps that freed engines left were too small for new ones, and the arena grew. So, if possible, a
thread makes new engines only when its previous ones are freed. `play` locks its memory, so an empty arena would stay in
memory. Therefore, after its engines are freed, the thread returns their memory to the system. It does so again a few
seconds later, because until then other objects may refer to the engines' sounds.

The main thread must not free engines, because it would not pause while a block is rendered. The makers' threads pause.
"""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from functools import partial

from runtime.base.realtime import SWAP_PRIORITY, gives_way, promote_thread, return_free_memory_of_thread
from runtime.live.swapping.freeing import free_in_steps

MOST_MAKERS = 8
TIDIES_AGAIN_S = 5.0
_N_TIDIES = 2

Make = Callable[[], Iterable[object]]  # makes engines, and returns them


class _Maker:
    def __init__(self, wake: Callable[[], object], is_busy: Callable[[], bool]):
        self._wake, self._is_busy = wake, is_busy
        self._tasks: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._last: list[weakref.ref[object]] = []
        self._n_tidies, self._next_tidy_s, self._is_at_work = 0, 0.0, False
        self._thread = threading.Thread(target=self._work, name="swap", daemon=True)
        self._thread.start()

    @property
    def is_free(self) -> bool:
        return all(each() is None for each in self._last)

    def has_made(self, engine: object) -> bool:
        return any(each() is engine for each in self._last)

    def make(self, make: Make) -> None:
        self._n_tidies, self._next_tidy_s, self._is_at_work = _N_TIDIES, 0.0, True
        self._tasks.put(partial(self._make, make))

    def free(self, engines: list[object]) -> None:
        self._tasks.put(partial(self._free, engines))

    def tidy(self) -> None:
        now_s = time.monotonic()
        if self._n_tidies and now_s >= self._next_tidy_s and not self._is_at_work and self.is_free:
            self._n_tidies, self._next_tidy_s = self._n_tidies - 1, now_s + TIDIES_AGAIN_S
            self._tasks.put(self._return_memory)

    def end(self) -> None:
        self._tasks.put(None)

    def join(self) -> None:
        self._thread.join()

    def _work(self) -> None:
        promote_thread(SWAP_PRIORITY)
        while (task := self._tasks.get()) is not None:
            task()
            del task  # otherwise the task would be kept in memory while the thread waits

    def _make(self, make: Make) -> None:
        with gives_way(self._is_busy):
            self._last = [weakref.ref(each) for each in make()]
        self._return_memory()  # memory that was needed only to make the engines
        self._is_at_work = False
        self._wake()

    def _free(self, engines: list[object]) -> None:
        with gives_way(self._is_busy):
            free_in_steps(engines)
        self._wake()

    def _return_memory(self) -> None:
        with gives_way(self._is_busy):
            return_free_memory_of_thread()


class Makers:
    """The threads that make instruments: one for each instrument in use, and one for the next; at most MOST_MAKERS.

    wake: called on one of the threads each time that it has finished making or freeing.
    is_busy: returns whether the audio thread is rendering a block. During the rendering, the makers' threads pause.
    """

    def __init__(self, wake: Callable[[], object], is_busy: Callable[[], bool] = lambda: False):
        self._wake, self._is_busy = wake, is_busy
        self._makers: list[_Maker] = []

    def __len__(self) -> int:
        return len(self._makers)

    def run(self, make: Make) -> None:
        """Call `make` on a thread; if possible, on one whose engines are all freed. No other `make` may be running."""
        maker = next((each for each in self._makers if each.is_free), None)
        if maker is None and len(self._makers) < MOST_MAKERS:
            maker = self._new()
        if maker is None:  # every thread has engines that are not freed, so the threads take turns
            maker = self._makers.pop(0)
            self._makers.append(maker)
        maker.make(make)

    def free(self, engines: Iterable[object]) -> None:
        """Let each engine be freed on the thread that made it; nothing else may refer to the engines."""
        for engine in engines:
            maker = next((each for each in self._makers if each.has_made(engine)), None)
            (maker or next(iter(self._makers), None) or self._new()).free([engine])

    def tidy(self) -> None:
        """Let the threads return freed memory to the system; call this at least every 2 s."""
        for maker in self._makers:
            maker.tidy()

    def close(self) -> None:
        """End the threads after their work; wait for them."""
        for maker in self._makers:
            maker.end()
        for maker in self._makers:
            maker.join()

    def _new(self) -> _Maker:
        self._makers.append(_Maker(self._wake, self._is_busy))
        return self._makers[-1]
