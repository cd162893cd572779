"""Prints lines while the program plays: a slow, full or closed output neither delays nor ends the program."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from typing import TextIO

from runtime.base.realtime import SUPERVISOR_PRIORITY, promote_thread

MOST_WAITING = 100
FAREWELL_S = 0.5


class LineWriter:
    """Prints lines to a stream in a separate thread, so that `write` never waits for the stream's reader.

    After the first line that cannot be written, no more lines are printed.
    """

    def __init__(self, stream: TextIO):
        self._waiting: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        target = (stream.fileno(), stream.encoding)
        self._writer = threading.Thread(target=self._write_lines, args=target, name="line-writer", daemon=True)
        self._writer.start()

    def write(self, line: str) -> None:
        """Print one line soon, or drop it if MOST_WAITING lines are waiting."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(line)

    def close(self) -> None:
        """Wait until all lines are printed, but at most FAREWELL_S seconds."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._writer.join(FAREWELL_S)

    def _write_lines(self, descriptor: int, encoding: str) -> None:
        # With a lower priority, other programs could stop this thread while it holds the interpreter's lock, and the
        # audio thread would wait.
        promote_thread(SUPERVISOR_PRIORITY)
        with contextlib.suppress(OSError):
            for line in iter(self._waiting.get, None):
                # Do not write through the stream's buffer: it would keep a line that could not be written, and raise an
                # error again at exit.
                remaining = f"{line}\n".encode(encoding, "backslashreplace")
                while remaining:
                    remaining = remaining[os.write(descriptor, remaining) :]


def open_closed_streams() -> None:
    """Open /dev/null in place of each closed standard stream.

    Otherwise the next file or socket to be opened would get the stream's descriptor, and drivers that print to the
    stream would write into that file or socket.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 (open until the process ends)
