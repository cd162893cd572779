"""Shows in one line how much of the work is done, and the time left."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from typing import Self, TextIO

LINES_VARIABLE = "TIMBREBOX_PROGRESS"  # a program that shows the progress in its own way sets this to `json`
JSON_EVERY_S = 0.25
N_PLAIN_LINES = 10
PLAIN_AFTER_S = 10.0
REDRAW_S = 0.1


class Progress:
    """Shows how much of `total` is done: on a terminal by redrawing one line, elsewhere by a line for each tenth.

    Outside a terminal, nothing is printed in the first PLAIN_AFTER_S seconds. If LINES_VARIABLE is `json`, each line is
    a JSON object with the keys `progress` (the label), `share` (0 to 1) and `left_s` (seconds left, or null).

    Use it in a `with`, or call `close` at the end, so that an error message starts on a new line.

    total: all the work, counted in a unit that always takes about the same time.
    stream: where to show it; None for stderr.
    """

    def __init__(self, label: str, total: float, stream: TextIO | None = None):
        self._label, self._total = label, max(total, 1e-9)
        self._stream = sys.stderr if stream is None else stream
        self._is_json = os.environ.get(LINES_VARIABLE) == "json"
        self._live = not (self._stream is None or self._stream.closed or self._is_json) and self._stream.isatty()
        self._line_open = False
        self._start_s = time.monotonic()
        self._shown_s = 0.0
        self._tenth = 0

    def update(self, done: float, detail: str = "") -> None:
        """Show the share of the work that is done.

        done: the work done so far, in the unit of `total`.
        detail: the item in progress; shown only on a terminal.
        """
        share = min(done / self._total, 1.0)
        elapsed_s = time.monotonic() - self._start_s
        if self._is_json:
            if elapsed_s - self._shown_s > JSON_EVERY_S or share == 1.0:
                self._shown_s = elapsed_s
                left_s = round(elapsed_s * (1.0 - share) / share, 1) if share else None
                self._write(json.dumps({"progress": self._label, "share": round(share, 4), "left_s": left_s}) + "\n")
        elif self._live and (elapsed_s - self._shown_s > REDRAW_S or share == 1.0):
            self._shown_s = elapsed_s
            line = f"{self._line(share, elapsed_s)}  {detail}".rstrip()
            self._write("\r\033[K" + line[: shutil.get_terminal_size().columns - 1])
            self._line_open = True
        elif not self._live and int(share * N_PLAIN_LINES) > self._tenth:
            self._tenth = int(share * N_PLAIN_LINES)
            if elapsed_s >= PLAIN_AFTER_S:
                self._write(f"{self._line(share, elapsed_s)}\n")

    def say(self, text: str) -> None:
        self._write(f"\r\033[K{text}\n" if self._live else f"{text}\n")
        self._line_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        if self._line_open:
            self._write("\n")
            self._line_open = False

    def _line(self, share: float, elapsed_s: float) -> str:
        left = f", {clock(elapsed_s * (1.0 - share) / share)} left" if 0.0 < share < 1.0 else ""
        return f"{self._label}: {100.0 * share:3.0f} %, {clock(elapsed_s)}{left}"

    def _write(self, text: str) -> None:
        # A broken pipe, a closed stream or a full disk must not stop the work.
        if self._stream is not None:
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(text)
                self._stream.flush()


def clock(seconds: float) -> str:
    """A number of seconds as text, such as 0:07, 12:34 or 1:02:03."""
    minutes, left_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{left_s:02d}" if hours else f"{minutes}:{left_s:02d}"
