"""Wakes the main thread from any other thread."""

from __future__ import annotations

import contextlib
import os


class ReturnPipe:
    """Wakes the main thread when another thread, such as the audio thread, has something for it.

    The audio thread must not wait for a lock, and a `threading.Event` has one. A write to a non-blocking pipe takes 1
    to 3 us. A write to a full pipe fails, which does no harm: the main thread wakes anyway.
    """

    def __init__(self) -> None:
        self.read_fd, self._write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        os.set_blocking(self._write_fd, False)

    def wake(self) -> None:
        """Make `read_fd` readable, without waiting; any thread may call this."""
        with contextlib.suppress(OSError):
            os.write(self._write_fd, b"!")

    def drain(self) -> None:
        """Empty the pipe, so that `read_fd` becomes readable only at the next `wake`."""
        with contextlib.suppress(OSError):
            os.read(self.read_fd, 4096)

    def close(self) -> None:
        """Close both ends; call this only after everything that calls `wake` has ended."""
        os.close(self.read_fd)
        os.close(self._write_fd)
