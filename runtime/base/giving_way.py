"""Lets a thread give way to another one that must not wait for the interpreter."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PAUSE_S = 0.0003
_MOST_PAUSES = 64  # so that a thread that hangs, busy for ever, holds up nobody for ever


@contextmanager
def gives_way(is_busy: Callable[[], bool]) -> Iterator[None]:
    """Inside the `with`, the calling thread pauses at its next function call while `is_busy()`.

    NumPy lets go of the interpreter in each call for more than 500 numbers. A thread that runs Python takes it then,
    and keeps it for the switch interval, 0.1 ms: so a block of 150 such calls took 15 ms longer beside a thread that
    read an instrument. The hook, which Python calls for each function, slows this thread down.
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
