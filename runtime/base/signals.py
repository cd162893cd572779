"""Turns the signals that end a process into exceptions, so that files and folders are cleaned up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


@contextmanager
def signals_as_exceptions() -> Iterator[None]:
    """Turn signals inside the `with` into exceptions; works only on the main thread.

    SIGINT raises KeyboardInterrupt. SIGTERM and SIGHUP raise SystemExit(128 + number).

    Signals after the first are ignored, so that they cannot interrupt the cleanup. A signal that was ignored before
    stays ignored, as SIGHUP does under `nohup`.
    """
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]

    def end(number: int, _frame: object) -> NoReturn:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
