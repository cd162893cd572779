"""What a program says while it plays: lines that never hold it up and never end it, whoever reads them or does not."""

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


class Teller:
    """Says lines on a stream, from a thread of its own: a reader may be slow, full or gone.

    After the first line that cannot be written it is silent.
    """

    def __init__(self, stream: TextIO):
        self._waiting: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        target = (stream.fileno(), stream.encoding)
        self._writer = threading.Thread(target=self._write_lines, args=target, name="teller", daemon=True)
        self._writer.start()

    def say(self, line: str) -> None:
        """Say one line soon; it is lost where too many wait already."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(line)

    def close(self) -> None:
        """Return when all is said, or after FAREWELL_S without that."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._writer.join(FAREWELL_S)

    def _write_lines(self, descriptor: int, encoding: str) -> None:
        promote_thread(SUPERVISOR_PRIORITY)  # were it preempted while it holds the interpreter, the sound would wait
        with contextlib.suppress(OSError):
            for line in iter(self._waiting.get, None):
                # Past the stream's own buffer: what that could not write would come up again at the exit.
                rest = f"{line}\n".encode(encoding, "backslashreplace")
                while rest:
                    rest = rest[os.write(descriptor, rest) :]


def open_closed_streams() -> None:
    """Put /dev/null where the program was started without a standard stream.

    Else the next file or socket that is opened gets its number, and drivers print into that.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 (as long as the process lives)
