"""Wait for the moment to stop."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterable


class StopSignal:
    """SIGINT and SIGTERM as something to wait for; made on the main thread.

    The handler only writes a byte: setting a threading.Event in a handler can deadlock with the wait it interrupts.
    """

    def __init__(self) -> None:
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._write_fd, False)
        self._before = {number: signal.signal(number, self.request) for number in (signal.SIGINT, signal.SIGTERM)}

    def request(self, *_: object) -> None:
        """Ask for the stop, from a handler or from any thread."""
        with contextlib.suppress(OSError):
            os.write(self._write_fd, b"!")

    def wait(self, limit_s: float, news_fds: Iterable[int] = ()) -> bool:
        """True as soon as the stop is asked for; False after `limit_s` seconds, or once one of `news_fds` has news."""
        return self._read_fd in select.select([self._read_fd, *news_fds], [], [], limit_s)[0]

    def close(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read_fd)
        os.close(self._write_fd)
