"""Wakes the main thread from the audio thread."""

from __future__ import annotations

import contextlib
import os


class ReturnPipe:
    """A pipe that says that there is something to take.

    The audio thread must not wait for a lock, which a `threading.Event` has. A write to a pipe that never blocks costs
    1 to 3 us, and only when the player asks for something; a pipe that is full says enough already.
    """

    def __init__(self) -> None:
        self.read_fd, self._write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        os.set_blocking(self._write_fd, False)

    def wake(self) -> None:
        """Make `read_fd` readable; from any thread, never waits."""
        with contextlib.suppress(OSError):
            os.write(self._write_fd, b"!")

    def drain(self) -> None:
        """Let `read_fd` wait for the next `wake`."""
        with contextlib.suppress(OSError):
            os.read(self.read_fd, 4096)

    def close(self) -> None:
        """Close both ends; `wake` does nothing from now on, so close what calls it first."""
        os.close(self.read_fd)
        os.close(self._write_fd)
