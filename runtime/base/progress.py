"""One line of progress with the time left."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Self, TextIO

PLAIN_STEPS = 10


class Progress:
    """Shows how much of `total` is done: rewritten in place on a terminal, a plain line per tenth elsewhere.

    A context manager, so that an error starts on a line of its own; or call `close`.
    total: in any unit that grows evenly with the work (notes, bytes).
    """

    def __init__(self, label: str, total: float, stream: TextIO | None = None):
        self._label, self._total = label, max(total, 1e-9)
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._start_s = time.monotonic()
        self._shown_s = 0.0
        self._step = 0

    def update(self, done: float, detail: str = "") -> None:
        """Say that `done` of the total is done; detail: what is being worked on."""
        share = min(done / self._total, 1.0)
        elapsed_s = time.monotonic() - self._start_s
        left = f", {clock(elapsed_s * (1.0 - share) / share)} left" if 0.0 < share < 1.0 else ""
        line = f"{self._label}: {100.0 * share:3.0f} %, {clock(elapsed_s)}{left}"
        if self._live and (elapsed_s - self._shown_s > 0.1 or share == 1.0):
            self._shown_s = elapsed_s
            self._stream.write("\r\033[K" + f"{line}  {detail}"[: shutil.get_terminal_size().columns - 1])
        elif not self._live and int(share * PLAIN_STEPS) > self._step:
            self._step = int(share * PLAIN_STEPS)
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def say(self, text: str) -> None:
        """Print a line of its own without spoiling the progress line."""
        self._stream.write(f"\r\033[K{text}\n" if self._live else f"{text}\n")
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the line."""
        if self._live:
            self._stream.write("\n")


def clock(seconds: float) -> str:
    """Seconds as 0:07, 12:34 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
