"""The limits of the page's process: how many pages and connections may be open, and how much each may send."""

from __future__ import annotations

import time

MOST_PAGES = 8
MOST_CONNECTIONS = 64
MOST_OF_SENDER = 16  # connections of one other machine, so that it cannot take all
LONGEST_MESSAGE_BYTES = 16 * 2**10
MOST_UNSENT_BYTES = 2**20
MOST_ASKED = 16  # requests of one page that wait for their answers
MOST_ANSWERING = 6  # requests of all pages that what plays has not answered; it drops a reader that is far behind
# What plays takes some 50 us for a message, on a thread that shares the interpreter with the audio thread.
PAGE_RATE, PAGE_BURST = 200.0, 400.0  # messages a second, and after a silence
ALL_RATE, ALL_BURST = 500.0, 1000.0


class Allowance:
    """How fast somebody may speak: `rate` messages a second, and `burst` at once after a silence."""

    def __init__(self, rate: float, burst: float):
        self._rate, self._burst = rate, burst
        self._left, self._at_s = burst, time.monotonic()

    def take(self) -> float:
        """Take one message; returns the seconds to wait before it is handled."""
        self._refill()
        self._left -= 1.0
        return max(0.0, -self._left / self._rate)

    def try_take(self) -> float:
        """Take one message if it may be handled at once, and return 0; else the seconds until one may be."""
        self._refill()
        if self._left < 1.0:
            return (1.0 - self._left) / self._rate
        self._left -= 1.0
        return 0.0

    def _refill(self) -> None:
        now_s = time.monotonic()
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
