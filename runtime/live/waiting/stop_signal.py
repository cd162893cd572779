"""Waits for the signals that ask the program to stop."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterable


class StopSignal:
    """The request to stop, by SIGINT, SIGTERM, SIGHUP or `request`; create it on the main thread.

    Under `nohup`, SIGHUP stays ignored. The signal handler only writes to a pipe: if it set a threading.Event, it could
    deadlock with the wait that the signal interrupts.

    woken: the file descriptors that ended the latest wait.
    """

    def __init__(self) -> None:
        self.woken: frozenset[int] = frozenset()
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._write_fd, False)
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, self.request) for number in numbers}

    def request(self, *_: object) -> None:
        """Ask the program to stop. A signal handler or any thread may call this."""
        with contextlib.suppress(OSError):
            os.write(self._write_fd, b"!")

    def wait(self, limit_s: float, wake_fds: Iterable[int] = (), write_fds: Iterable[int] = ()) -> bool:
        """Wait for the request to stop; return whether it was made.

        The wait also ends after limit_s, or when one of wake_fds is readable or one of write_fds is writable.
        """
        readable, writable, _ = select.select([self._read_fd, *wake_fds], list(write_fds), [], limit_s)
        self.woken = frozenset([*readable, *writable])
        return self._read_fd in readable

    def close(self) -> None:
        """Restore the earlier signal handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read_fd)
        os.close(self._write_fd)
